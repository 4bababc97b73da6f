#pragma once
// Everything the engine serves: finds the route, authenticates, checks the policy, calls the handler.

#include "net/api/api.hpp"
#include "net/api/reply_table.hpp"

namespace revoked::net {

class EngineService final : public Service {
 public:
  // Serves `dialects`, which must outlive it, in addition to the native API.
  explicit EngineService(Api api, std::span<const Dialect* const> dialects = {})
      : api_(std::move(api)), dialects_(dialects) {}
  bool takes_body(const Request& request) const override;
  Outcome handle(Exchange& exchange) override;

 private:
  Outcome answer(Exchange& exchange, engine::Recalled& recalled, std::string& asker);
  Task<> recall_and_answer(Exchange exchange, std::unique_ptr<engine::Recalled> recalled, std::string asker);
  const Dialect& dialect_of(std::string_view path) const;
  Outcome authorise_and_call(Call& call, const Route& route, engine::Principal& principal, Query& query);
  Outcome answer_change(Call& call, const Route& route);

  Api api_;
  const std::span<const Dialect* const> dialects_;
  ReplyTable replies_;
};

}  // namespace revoked::net
