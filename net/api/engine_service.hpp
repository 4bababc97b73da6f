#pragma once
// Everything the engine serves: finds the route, authenticates, asks the policy, calls the handler.

#include "net/api/api.hpp"
#include "net/api/reply_table.hpp"

namespace revoked::net {

class EngineService final : public Service {
 public:
  explicit EngineService(Api api) : api_(std::move(api)) {}
  bool takes_body(const Request& request) const override;
  Outcome handle(Exchange& exchange) override;

 private:
  Outcome answer(Exchange& exchange, engine::Recalled& recalled, std::string& asker);
  Task<> recall_and_answer(Exchange exchange, std::unique_ptr<engine::Recalled> recalled, std::string asker);
  Outcome authorise_and_call(Call& call, const Route& route, engine::Principal& principal, Query& query);

  Api api_;
  ReplyTable replies_;
};

}  // namespace revoked::net
