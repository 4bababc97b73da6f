// GET /v1/receipts/{position}: who enforces it, and since when.

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "engine/model/json_writer.hpp"
#include "net/api/enforcement.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

using cache::Receipt;
using engine::JsonWriter;
using engine::Position;

void write_ms(JsonWriter& json, std::string_view name, std::optional<double> ms) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", ms.value_or(0));
  json.key(name).raw(ms ? std::string_view(text) : std::string_view("null"));
}

// The smallest value that at least this part of the ascending values do not exceed. Empty if there are none.
std::optional<double> quantile(const std::vector<double>& values, double part) {
  if (values.empty()) return {};
  const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(values.size())));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

std::string receipt_body(const Enforcement& enforcement, engine::UnixMs at) {
  std::string body;
  JsonWriter json(body);
  std::vector<double> times;
  json.open('{').field("position", enforcement.position).key("at").time(at).key("gateways").open('[');
  for (const auto& gateway : enforcement.receipt.enforced) {
    const auto after = enforcement.after_ms(gateway);
    if (after) times.push_back(*after);
    json.open('{').field("name", std::string_view(gateway.name));
    json.field("by", gateway.by == Receipt::By::applied ? "applied" : "lease");
    json.key("at").time(engine::wall_time_at(gateway.at));
    write_ms(json, "after_ms", after);
    json.close('}');
  }
  json.close(']').key("waiting").open('[');
  for (const auto& name : enforcement.receipt.waiting) json.value(std::string_view(name));
  json.close(']');
  std::ranges::sort(times);
  write_ms(json, "p50_ms", quantile(times, 0.5));
  write_ms(json, "p99_ms", quantile(times, 0.99));
  write_ms(json, "max_ms", quantile(times, 1));
  json.close('}');
  return body;
}

// When the event of this position happened.
engine::result<engine::UnixMs> time_of(const engine::Engine& engine, Position position) {
  engine::UnixMs at = 0;
  const auto read = engine.read_journal(position.sequence - 1, [&](const engine::BatchView& batch) {
    batch.for_each([&](engine::Sequence sequence, const engine::EventView& event) {
      if (sequence == position.sequence) at = event.at;
    });
    return false;
  });
  if (!read) return read.error();
  if (at == 0) return engine::errc::not_ready;  // not yet durable
  return at;
}

Task<> answer_receipt(Api& api, Exchange exchange, std::string asker, Position position,
                      std::optional<std::chrono::seconds> wait, std::unique_ptr<Authority> authority) {
  // Before it is durable it is no revocation that anybody was told of.
  if (!co_await wait_until_durable(exchange, position.sequence)) co_return;
  engine::result<engine::UnixMs> at = engine::errc::not_ready;
  const std::function<void()> read = [&] { at = time_of(api.engine, position); };
  if (!co_await read_on_pool(api, exchange, std::move(asker), read)) co_return;
  if (!at) {
    send_problem(exchange.response, at.error());
    co_return;
  }
  auto enforcement = enforcement_of(api, position);
  if (wait) {
    auto waited = co_await wait_for_enforcement(api, exchange.connection, position, *wait, *authority);
    enforcement = std::move(waited);
    exchange.response.header("Preference-Applied", "wait");
  }
  exchange.response.header("Cache-Control", "no-store");
  exchange.response.send_json(200, receipt_body(enforcement, *at));
}

}  // namespace

Outcome show_receipt(Api& api, Call& call) {
  const auto position = engine::parse_position(call.parameters[0]);
  if (!position) return refuse(call, 400, "invalid_position", "a position is epoch-sequence, such as 3-1041");
  if (position->sequence == 0 || position->sequence > api.feed.published().sequence ||
      api.engine.position_of(position->sequence) != *position) {
    return refuse(call, 404, "position_not_found", "this journal has no such position");
  }
  const auto wait = preferred_wait(call.request(), max_wait);
  if (!wait) return refuse(call, 400, "invalid_field", malformed_wait);
  auto authority = std::make_unique<Authority>(api.authenticator, call.dialect.present(call.request()),
                                               engine::Permission::gateways_read);
  return {0, answer_receipt(api, call.exchange, asker_of(call.principal), *position, *wait,
                            std::move(authority))};
}

}  // namespace revoked::net
