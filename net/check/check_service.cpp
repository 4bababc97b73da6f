#include "net/check/check_service.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <memory>

#include "engine/base/percent.hpp"
#include "engine/model/json_writer.hpp"
#include "engine/model/secret.hpp"
#include "net/check/gateway_metrics.hpp"
#include "net/check/watch.hpp"
#include "net/http/network_thread.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

namespace asio = boost::asio;
using cache::Decision;
using cache::Gateway;
using State = Decision::State;

void deny(Response& response, unsigned status, std::string_view reason) {
  response.header("X-Revoked-Reason", reason);
  if (status == 401) response.header("WWW-Authenticate", "Bearer realm=\"revoked\"");
  if (status == 503) response.header("Retry-After", "1");
  response.send(status);
}

// Header values are visible ASCII: all else, and '%' itself, is percent-encoded.
void tell(Response& response, std::string_view name, std::string_view value, char first = '!') {
  if (engine::is_visible(value, first)) {
    response.header(name, value);
    return;
  }
  std::string encoded;
  engine::percent_encode(value, encoded, first);
  response.header(name, encoded);
}

// An allow always has all of them: a proxy would pass on the client's own value of one that is absent.
constexpr std::string_view identity_headers[] = {"X-Key-Id", "X-User-Id", "X-Application-Id",
                                                 "X-Workspace-Id", "X-Key-Permissions"};

// Of a header that is there once, or several times with the same value. Empty: it is not.
std::string_view only_value(const Request& request, std::string_view name) {
  auto lines = request.header_lines;
  const auto first = next_value(lines, name);
  for (auto next = next_value(lines, name); next.data() != nullptr; next = next_value(lines, name)) {
    if (next != first) return {};
  }
  return first;
}

}  // namespace

void answer_verdict(Response& response, const Gateway::Verdict& verdict) {
  if (verdict.stale) response.header("X-Revoked-Stale", "true");
  if (!verdict.decision) return deny(response, 503, verdict.stale ? "stale" : "unavailable");
  const auto& decision = *verdict.decision;
  cache::IdBuffer buffer;
  switch (decision.state) {
    case State::active:
      tell(response, "X-Key-Id", decision.key_id(buffer));
      tell(response, "X-User-Id", decision.owner(engine::Scope::user, buffer));
      tell(response, "X-Application-Id", decision.owner(engine::Scope::application, buffer));
      tell(response, "X-Workspace-Id", decision.owner(engine::Scope::workspace, buffer));
      tell(response, "X-Key-Permissions", decision.permissions(), ' ');
      return response.send(200);
    case State::revoked:
      return deny(response, 403, "revoked");
    case State::expired:
      return deny(response, 403, "expired");
    case State::suspended:
      return deny(response, 403, "suspended");
    case State::locked:
      return deny(response, 403, "locked");
    case State::unknown:
      break;
  }
  deny(response, 401, "unknown");
}

namespace {

// The methods that a client may use at its service. TRACE and CONNECT concern the connection to it (RFC 9110,
// 9.3.6, 9.3.8).
constexpr std::string_view checked_methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
constexpr std::string_view watched_methods = "GET, OPTIONS";
constexpr std::string_view shown_methods = "GET, HEAD, OPTIONS";

bool is_checked(Method method) { return method != Method::trace && method != Method::connect; }

Outcome answer_without(Exchange& exchange, std::string_view allowed) {
  auto& response = exchange.response;
  response.header("Allow", allowed);
  if (exchange.request.method == Method::options) {
    response.send(204);
  } else if (exchange.request.method == Method::other) {
    send_problem(response, 501, "method_not_implemented", "this method is not implemented");
  } else {
    send_problem(response, 405, "method_not_allowed", "this path does not support this method");
  }
  return {};
}

constexpr RouteName routes[] = {{"", "/check"},          {"GET", "/watch"},   {"GET", "/livez"},
                                {"GET", "/readyz"},      {"GET", "/healthz"}, {"GET", "/metrics"},
                                {"GET", "/openapi.json"}};

// Of the path: 0, or its number in the table.
RouteNumber route_of(std::string_view path) {
  // Envoy appends the original path to its prefix.
  if (path.starts_with("/check/")) return 1;
  const auto found = std::ranges::find(routes, path, &RouteName::pattern);
  return found == std::end(routes) ? 0 : static_cast<RouteNumber>(found - routes + 1);
}

using Token = asio::use_awaitable_t<cache::Executor>;
using Handler = asio::async_result<Token, void(Gateway::Verdict)>::handler_type;

// The gateway's thread answers; the session resumes on its own thread.
Task<Gateway::Verdict> ask(Gateway& gateway, engine::Digest digest, std::string secret,
                           const Exchange& exchange) {
  auto& connection = exchange.connection;
  auto initiate = [&](Handler handler) {
    auto shared = std::make_shared<Handler>(std::move(handler));
    auto tell = [executor = connection.thread().executor(), shared](Gateway::Verdict verdict) {
      asio::post(executor, [shared, verdict = std::move(verdict)] { std::move (*shared)(verdict); });
    };
    gateway.ask(digest, secret, std::move(tell), connection.remote_address(), connection.peer_closed(),
                next_traceparent(exchange.request));
  };
  Token token;
  co_return co_await asio::async_initiate<Token, void(Gateway::Verdict)>(initiate, token);
}

// The address that the nearest proxy has appended to X-Forwarded-For.
std::string_view last_forwarded(std::string_view addresses) {
  return trim(addresses.substr(addresses.rfind(',') + 1));
}

void answer_check(Gateway& gateway, Response& response, const Gateway::Verdict& verdict,
                  std::string_view forwarded_for, std::string_view peer) {
  const auto& decision = verdict.decision;
  if (decision && decision->state != State::active)
    gateway.note_denied(*decision, last_forwarded(forwarded_for), peer);
  answer_verdict(response, verdict);
}

Task<> ask_and_answer(Gateway& gateway, Exchange exchange, engine::Digest digest, std::string secret,
                      std::string forwarded_for) {
  const auto verdict = co_await ask(gateway, digest, std::move(secret), exchange);
  answer_check(gateway, exchange.response, verdict, forwarded_for, exchange.connection.remote_address());
}

}  // namespace

openapi::Document describe_gateway() {
  openapi::DescribedApi api{"gateway", {}};
  for (const auto& route : routes) api.routes.push_back({.method = route.method, .pattern = route.pattern});
  return {"gateway", {&api, 1}};
}

CheckService::CheckService(cache::Gateway& gateway, std::shared_ptr<const engine::Metrics> metrics,
                           CheckOptions options)
    : gateway_(gateway),
      metrics_(std::move(metrics)),
      options_(std::move(options)),
      document_(describe_gateway()) {}

std::span<const RouteName> CheckService::route_names() const { return routes; }

Outcome CheckService::handle(Exchange& exchange) {
  const auto method = exchange.request.method;
  const auto path = exchange.request.path;
  const auto route = route_of(path);
  exchange.response.answers(route);
  if (route == 1) return is_checked(method) ? check(exchange) : answer_without(exchange, checked_methods);
  if (path == "/watch")
    return method == Method::get ? watch(exchange) : answer_without(exchange, watched_methods);
  if (path == "*") return answer_without(exchange, checked_methods);
  const bool is_health = path == "/livez" || path == "/readyz" || path == "/healthz";
  const bool is_metrics = path == "/metrics" && metrics_;
  const bool is_document = path == "/openapi.json";
  if ((is_health || is_metrics || is_document) && method != Method::get && method != Method::head)
    return answer_without(exchange, shown_methods);
  if (path == "/livez") {
    exchange.response.send_json(200, "{\"status\":\"alive\"}");
  } else if (is_metrics) {
    show_metrics(exchange);
  } else if (is_document) {
    openapi::send_document(document_, exchange.request, exchange.response);
  } else if (is_health) {
    show_readiness(exchange, path == "/healthz");
  } else {
    send_problem(exchange.response, 404, "route_not_found", "no route has this path");
  }
  return {};
}

// The header fields of Fetch, 3.3.2.
bool CheckService::is_keyless_preflight(const Request& request) const {
  const auto& header = options_.method_header;
  const auto method = header.empty() ? request.method_name : only_value(request, header);
  std::string decoded;
  return method == "OPTIONS" && !only_value(request, "origin").empty() &&
         !only_value(request, "access-control-request-method").empty() &&
         options_.credential.find(request, decoded).is_none();
}

bool CheckService::read_secret(Exchange& exchange, std::string_view& secret, std::string& decoded) const {
  const auto found = options_.credential.find(exchange.request, decoded);
  secret = found.secret;
  if (found.is_ambiguous) {
    exchange.response.header("X-Revoked-Reason", "malformed");
    send_problem(exchange.response, 400, "ambiguous_credential",
                 "the request has two different keys in one place");
    return false;
  }
  if (engine::is_secret(secret)) return true;
  deny(exchange.response, 401, secret.empty() ? "missing" : "unknown");
  return false;
}

Outcome CheckService::check(Exchange& exchange) {
  if (options_.allows_preflight && is_keyless_preflight(exchange.request)) {
    for (const auto name : identity_headers) exchange.response.header(name, "");
    exchange.response.send(200);
    return {};
  }
  std::string_view secret;
  std::string decoded;
  if (!read_secret(exchange, secret, decoded)) return {};
  const auto digest = engine::sha256(secret);
  const auto forwarded_for = exchange.request[Header::x_forwarded_for];
  if (const auto verdict = gateway_.check(digest)) {
    answer_check(gateway_, exchange.response, *verdict, forwarded_for, exchange.request.remote_address);
    return {};
  }
  return {0, ask_and_answer(gateway_, exchange, digest, std::string(secret),
                            std::string(last_forwarded(forwarded_for)))};
}

void CheckService::show_metrics(Exchange& exchange) const {
  std::string body;
  engine::MetricsWriter out(body);
  write_gateway_metrics(gateway_.status(), out);
  metrics_->write(out);
  exchange.response.header("Cache-Control", "no-store");
  exchange.response.send(200, engine::MetricsWriter::content_type, body);
}

Outcome CheckService::watch(Exchange& exchange) {
  std::string_view secret;
  std::string decoded;
  if (!read_secret(exchange, secret, decoded)) return {};
  const auto wait = preferred_wait(exchange.request, longest_poll);
  if (!wait) {
    send_problem(exchange.response, 400, "invalid_field", malformed_wait);
    return {};
  }
  return {0, watch_and_answer(gateway_, exchange, engine::sha256(secret), std::string(secret), *wait)};
}

void CheckService::show_readiness(Exchange& exchange, bool detailed) const {
  const auto status = gateway_.status();
  const bool stale = status.coverage == Gateway::Coverage::stale;
  // A stale gateway with policy `ask` or `serve` is ready, and reports that it is stale.
  const bool ready = !stale || status.when_stale != cache::WhenStale::deny;
  std::string body;
  engine::JsonWriter json(body);
  json.open('{').field("status", ready ? "ready" : "stale").field("stale", stale);
  constexpr std::string_view policies[] = {"deny", "ask", "serve"};
  json.field("when_stale", policies[static_cast<int>(status.when_stale)]);
  if (status.position) json.field("position", *status.position);
  if (detailed) {
    json.field("repairing", status.coverage == Gateway::Coverage::repairing);
    json.field("engine", std::string_view(status.engine)).field("engine_changes", status.engine_changes);
    json.field("redis_connected", status.redis_connected).field("feed_connected", status.feed_connected);
    json.field("cached", std::uint64_t{status.cache.entries})
        .field("marks", std::uint64_t{status.cache.marks});
    json.field("watches", std::uint64_t{status.watches});
    json.field("hits", status.hits).field("questions", status.questions).field("repairs", status.repairs);
    json.field("flushes", status.flushes).field("invalidations", status.invalidations);
    json.field("journal", std::string_view(status.journal));
    json.field("foreign_messages", status.foreign_messages);
    json.field("unsigned_messages", status.unsigned_messages);
    json.field("unreadable_messages", status.unreadable_messages);
    json.field("denied", status.denied.all()).field("denied_dropped", status.denied.dropped);
  }
  json.close('}');
  exchange.response.header("Cache-Control", "no-store");
  exchange.response.send_json(ready ? 200 : 503, body);
}

}  // namespace revoked::net
