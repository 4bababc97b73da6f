#pragma once
// Everything the engine serves: finds the route, authenticates, checks the policy, calls the handler.

#include "net/api/api.hpp"
#include "net/api/reply_table.hpp"

namespace revoked::net {

class EngineService final : public Service {
 public:
  // Serves `dialects`, which must outlive it, in addition to the native API.
  explicit EngineService(Api api, std::span<const Dialect* const> dialects = {});
  std::span<const RouteName> route_names() const override { return route_names_; }
  std::unique_ptr<ThreadState> new_thread_state(cache::asio::io_context& io) override;
  void prepare(Request& request) const override;
  bool takes_body(const Request& request) const override;
  Outcome handle(Exchange& exchange) override;

 private:
  Outcome answer(Exchange& exchange, engine::Recalled& recalled, std::string& asker);
  Task<> forward(Exchange exchange);
  Task<> recall_and_answer(Exchange exchange, std::unique_ptr<engine::Recalled> recalled, std::string asker);
  // `first_route`: the number of its first one.
  struct Served {
    const Dialect& dialect;
    std::size_t first_route;
  };
  Served dialect_of(std::string_view path) const;
  Outcome authorise_and_call(Call& call, const Route& route, engine::Principal& principal, Query& query);
  Outcome answer_change(Call& call, const Route& route);

  Api api_;
  const std::span<const Dialect* const> dialects_;
  std::vector<RouteName> route_names_;  // of the native API, then of each dialect
  ReplyTable replies_;
};

}  // namespace revoked::net
