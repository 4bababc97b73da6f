// What gateways report of the use of keys.

#include "cache/bus/usage.hpp"
#include "engine/model/json_writer.hpp"
#include "net/api/api.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

// What outlives the call.
struct Reporter {
  engine::Principal principal;
  std::string address;
  std::string request_id;

  engine::Caller caller() const {
    return {principal.actor, address, request_id, &principal.reach, principal.actor_kind, &principal};
  }
};

Task<> answer_usage(Api& api, Exchange exchange, std::string asker, engine::Usage usage, Reporter reporter) {
  engine::result<engine::Engine::TakenUsage> taken = engine::errc::not_ready;
  const std::function<void()> take = [&] { taken = api.engine.take_usage(usage, asker, reporter.caller()); };
  if (!co_await read_on_pool(api, exchange, asker, take)) co_return;
  if (!taken) {
    send_problem(exchange.response, taken.error());
    co_return;
  }
  std::string body;
  engine::JsonWriter json(body);
  json.open('{').field("ignored", taken->ignored).field("dropped", usage.dropped).close('}');
  exchange.response.send_json(200, body);
}

}  // namespace

Outcome take_report(Api& api, Call& call) {
  const auto body = call.request().body;
  if (!cache::may_be_usage(body)) return report_of_gateway(api, call);
  auto usage = cache::decode_usage(body);
  if (!usage) {
    return refuse(call, 400, "malformed",
                  "the body must be a report of usage, without a position (docs/protocol.md)");
  }
  auto asker = asker_of(call.principal);
  if (api.gateways->is_taken(usage->gateway, asker, engine::BootClock::now()))
    return refuse(call, 409, "name_taken", "another caller reports for a gateway of this name");
  Reporter reporter{call.principal, std::string(call.request().remote_address),
                    std::string(call.request().id)};
  return {0, answer_usage(api, call.exchange, std::move(asker), std::move(*usage), std::move(reporter))};
}

}  // namespace revoked::net
