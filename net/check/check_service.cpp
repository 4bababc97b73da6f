#include "net/check/check_service.hpp"

#include <boost/asio/post.hpp>
#include <memory>

#include "engine/base/percent.hpp"
#include "engine/model/json_writer.hpp"
#include "engine/model/secret.hpp"
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

void answer(Response& response, const Gateway::Verdict& verdict) {
  if (verdict.stale) response.header("X-Revoked-Stale", "true");
  if (!verdict.decision) return deny(response, 503, verdict.stale ? "stale" : "unavailable");
  const auto& decision = *verdict.decision;
  cache::IdBuffer buffer;
  switch (decision.state) {
    case State::active:
      // Always all of them: a proxy would pass on the client's own value of one that is absent.
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

// The methods that a client may use at its service. TRACE and CONNECT concern the connection to it (RFC 9110,
// 9.3.6, 9.3.8).
constexpr std::string_view checked_methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
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

Task<> ask_and_answer(Gateway& gateway, Exchange exchange, engine::Digest digest, std::string secret) {
  const auto verdict = co_await ask(gateway, digest, std::move(secret), exchange);
  answer(exchange.response, verdict);
}

}  // namespace

Outcome CheckService::handle(Exchange& exchange) {
  const auto method = exchange.request.method;
  const auto path = exchange.request.path;
  // Envoy appends the original path to its prefix.
  if (path == "/check" || path.starts_with("/check/"))
    return is_checked(method) ? check(exchange) : answer_without(exchange, checked_methods);
  if (path == "*") return answer_without(exchange, checked_methods);
  const bool is_health = path == "/livez" || path == "/readyz" || path == "/healthz";
  if (is_health && method != Method::get && method != Method::head)
    return answer_without(exchange, shown_methods);
  if (path == "/livez") {
    exchange.response.send_json(200, "{\"status\":\"alive\"}");
  } else if (is_health) {
    show_readiness(exchange, path == "/healthz");
  } else {
    send_problem(exchange.response, 404, "route_not_found", "no route has this path");
  }
  return {};
}

Outcome CheckService::check(Exchange& exchange) {
  const auto secret = credential_of(exchange.request);
  if (secret.empty()) {
    deny(exchange.response, 401, "missing");
    return {};
  }
  if (!engine::is_secret(secret)) {
    deny(exchange.response, 401, "unknown");
    return {};
  }
  const auto digest = engine::sha256(secret);
  if (const auto verdict = gateway_.check(digest)) {
    answer(exchange.response, *verdict);
    return {};
  }
  return {0, ask_and_answer(gateway_, exchange, digest, std::string(secret))};
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
    json.field("redis_connected", status.redis_connected).field("feed_connected", status.feed_connected);
    json.field("cached", std::uint64_t{status.cache.entries})
        .field("marks", std::uint64_t{status.cache.marks});
    json.field("hits", status.hits).field("questions", status.questions).field("repairs", status.repairs);
    json.field("flushes", status.flushes).field("invalidations", status.invalidations);
    json.field("journal", std::string_view(status.journal));
    json.field("foreign_messages", status.foreign_messages);
    json.field("unsigned_messages", status.unsigned_messages);
    json.field("unreadable_messages", status.unreadable_messages);
  }
  json.close('}');
  exchange.response.header("Cache-Control", "no-store");
  exchange.response.send_json(ready ? 200 : 503, body);
}

}  // namespace revoked::net
