#include "net/api/enforcement.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <memory>
#include <utility>

#include "engine/model/json_writer.hpp"
#include "net/api/native.hpp"
#include "net/http/network_thread.hpp"
#include "net/http/signal.hpp"

namespace revoked::net {
namespace {

using engine::BootClock;
using engine::JsonWriter;
using engine::Position;

// How often a wait looks whether its caller is there and may still ask, and the engine serves.
constexpr std::chrono::seconds look_again{1};
constexpr std::size_t max_names = 100;  // in one answer

// A request whose answer waits.
struct HeldAnswer {
  std::chrono::seconds wait;
  Authority authority;
  bool is_native;
  bool shows_names;
  SentResponse response{};
};

std::optional<Position> position_in(std::string_view headers) {
  constexpr std::string_view name = "Revocation-Position: ";
  const auto at = headers.find(name);
  if (at == std::string_view::npos) return {};
  const auto text = headers.substr(at + name.size());
  return engine::parse_position(text.substr(0, text.find('\r')));
}

std::string enforced_member(const Enforcement& enforcement, bool shows_names) {
  const auto& receipt = enforcement.receipt;
  std::string text;
  JsonWriter json(text);
  json.open('{').field("gateways", std::uint64_t{receipt.gateways()});
  json.field("applied", std::uint64_t{receipt.enforced.size() - receipt.by_lease()});
  json.field("by_lease", std::uint64_t{receipt.by_lease()});
  if (shows_names) {
    json.key("waiting").open('[');
    for (std::size_t i = 0; i < std::min(receipt.waiting.size(), max_names); ++i)
      json.value(std::string_view(receipt.waiting[i]));
    json.close(']');
  }
  json.close('}');
  return text;
}

// "11/12"
std::string count_of(const cache::Receipt& receipt) {
  return std::to_string(receipt.enforced.size()) + "/" + std::to_string(receipt.gateways());
}

void add_enforcement(HeldAnswer& held, const Enforcement& enforcement, Response& response) {
  const auto& receipt = enforcement.receipt;
  response.header("Preference-Applied", "wait");
  response.header("Revocation-Enforced", count_of(receipt));
  if (const auto slowest = enforcement.slowest_ms()) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", *slowest);
    response.header("Revocation-Enforced-After", text);
  }
  auto& body = held.response.body;
  if (!held.is_native || held.response.content_type != "application/json" || !body.ends_with('}')) return;
  body.pop_back();
  if (!body.ends_with('{')) body.push_back(',');
  body.append("\"enforced\":").append(enforced_member(enforcement, held.shows_names)).append("}");
}

Task<> send_when_enforced(Api& api, Exchange exchange, std::unique_ptr<HeldAnswer> held, Outcome outcome) {
  if (outcome.durable_after != 0 && !co_await wait_until_durable(exchange, outcome.durable_after)) co_return;
  if (outcome.rest) co_await std::move(*outcome.rest);
  auto& response = exchange.response;
  response.hold_in(nullptr);
  response.record_in(nullptr);
  if (held->response.status == 0) co_return;  // the connection was dropped
  const auto position = position_in(held->response.headers);
  if (position && held->response.status < 300) {
    const auto enforcement =
        co_await wait_for_enforcement(api, exchange.connection, *position, held->wait, held->authority);
    add_enforcement(*held, enforcement, response);
    exchange.connection.answer_log().field("enforced", count_of(enforcement.receipt));
  }
  response.send(held->response);
}

}  // namespace

std::optional<double> Enforcement::after_ms(const cache::Receipt::Enforced& gateway) const {
  if (!published || gateway.is_since_first_report) return {};
  const auto after = gateway.at - published->earliest;
  return std::max(0.0, std::chrono::duration<double, std::milli>(after).count());
}

std::optional<double> Enforcement::slowest_ms() const {
  std::optional<double> slowest;
  for (const auto& gateway : receipt.enforced) {
    if (const auto after = after_ms(gateway)) slowest = std::max(slowest.value_or(0), *after);
  }
  return slowest;
}

Enforcement enforcement_of(const Api& api, Position position) {
  Enforcement enforcement{position, api.feed.published_at(position.sequence), {}};
  const auto now = BootClock::now();
  const auto published =
      enforcement.published ? enforcement.published->latest : api.feed.published_before_by().value_or(now);
  enforcement.receipt = api.gateways->receipt(position, published, now);
  return enforcement;
}

Task<Enforcement> wait_for_enforcement(Api& api, Connection& connection, Position position,
                                       std::chrono::seconds wait, Authority& authority) {
  auto& thread = connection.thread();
  const auto changed = std::make_shared<Signal>(thread.executor().context());
  auto waiting = api.gateways->wait(position, [changed] { changed->notify(); });
  const auto began = BootClock::now();
  const auto until = began + wait;
  Enforcement enforcement;
  while (true) {
    const auto seen = changed->count();
    enforcement = enforcement_of(api, position);
    const auto now = BootClock::now();
    const auto& receipt = enforcement.receipt;
    if (receipt.waiting.empty() || now >= until || !waiting) break;
    if (connection.peer_has_ended() || thread.is_draining()) break;
    // Not at once: a caller that has revoked its own key may still see what becomes of it.
    if (now >= began + look_again && authority.recheck() != Authority::Standing::good) break;
    auto next = std::min(until, now + look_again);
    if (receipt.next_lease_end) next = std::min(next, *receipt.next_lease_end);
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(next - now);
    co_await changed->wait(std::max(rest, std::chrono::milliseconds(1)), seen);
  }
  waiting.reset();
  // A notification may still be posted: this runs after it.
  cache::asio::post(thread.executor(), [changed] {});
  co_return enforcement;
}

Outcome answer_when_enforced(Api& api, Call& call, engine::Permission permission, std::chrono::seconds wait,
                             const std::function<Outcome()>& answer) {
  const auto& who = call.principal;
  auto held = std::make_unique<HeldAnswer>(
      HeldAnswer{wait, Authority(api.authenticator, call.dialect.present(call.request()), permission),
                 &call.dialect == &native,
                 who.reach.is_unlimited() || engine::may(who, engine::Permission::gateways_read)});
  auto& response = call.response();
  response.hold_in(&held->response);
  auto outcome = answer();
  const bool has_answered = held->response.status != 0;
  const bool waits = has_answered && position_in(held->response.headers) && held->response.status < 300;
  if (!waits && !outcome.rest) {
    response.hold_in(nullptr);
    response.record_in(nullptr);
    if (has_answered) response.send(held->response);
    return outcome;
  }
  return {0, send_when_enforced(api, call.exchange, std::move(held), std::move(outcome))};
}

}  // namespace revoked::net
