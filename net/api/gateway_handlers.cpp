// The gateways and what they report.

#include "engine/model/json_writer.hpp"
#include "net/api/api.hpp"

namespace revoked::net {
namespace {

using cache::GatewayRegistry;
using engine::JsonWriter;

void write_gateway(JsonWriter& json, const GatewayRegistry::Gateway& gateway,
                   const cache::Feed::Place& feed_at) {
  const auto& [report, reported, is_gone] = gateway;
  json.open('{').field("name", std::string_view(report.gateway));
  json.field("state", is_gone ? std::string_view("gone") : to_string(report.coverage));
  json.field("position", report.applied).optional_field("journal", report.journal);
  // Positions of another journal cannot be compared.
  const bool is_ours = report.journal.empty() || report.journal == feed_at.journal;
  const auto published = feed_at.position.sequence;
  json.key("lag");
  if (is_ours && report.applied.sequence <= published) {
    json.value(published - report.applied.sequence);
  } else {
    json.null();
  }
  json.key("reported_at").time(engine::wall_time_at(reported));
  json.field("when_stale", to_string(report.when_stale));
  json.field("lease_ms", static_cast<std::uint64_t>(report.lease.count()));
  json.optional_field("version", report.version).close('}');
}

}  // namespace

Outcome show_gateways(Api& api, Call& call) {
  const auto feed_at = api.feed.place();
  std::string body;
  JsonWriter json(body);
  json.open('{').field("position", feed_at.position).key("gateways").open('[');
  for (const auto& gateway : api.gateways->all(engine::BootClock::now()))
    write_gateway(json, gateway, feed_at);
  json.close(']').close('}');
  call.response().header("Cache-Control", "no-store");
  call.response().send_json(200, body);
  return {};
}

Outcome report_of_gateway(Api& api, Call& call) {
  auto report = cache::decode_report(call.request().body);
  if (report.has_error()) {
    return refuse(call, 400, "malformed",
                  "the body must be a report: an object with gateway, epoch and sequence (docs/protocol.md)");
  }
  using enum GatewayRegistry::Outcome;
  const auto known = api.feed.find(report->applied, report->journal);
  const auto caller = asker_of(call.principal);
  switch (api.gateways->on_report(std::move(*report), GatewayRegistry::Origin::http(caller), known,
                                  engine::BootClock::now())) {
    case taken:
      return refuse(call, 409, "name_taken", "another caller reports for a gateway of this name");
    case full:
      return refuse(call, 503, "overloaded", "the maximum number of gateways has reported");
    case accepted:
    case old:
      break;
  }
  call.response().send(204);
  return {};
}

Outcome forget_gateway(Api& api, Call& call) {
  const auto& name = call.parameters[0];
  using enum GatewayRegistry::Forgotten;
  switch (api.gateways->forget(name, engine::BootClock::now())) {
    case unknown:
      return refuse(call, 404, "gateway_not_found", "no gateway of this name has reported");
    case not_gone:
      return refuse(call, 409, "gateway_not_gone", "it has reported within its lease: stop it first");
    case yes:
      break;
  }
  auto& line = call.exchange.connection.answer_log();
  line.begin(Level::info, "gateway forgotten");
  line.field("gateway", name);
  log_caller(line, call.request(), call.principal);
  call.response().send(204);
  return {};
}

}  // namespace revoked::net
