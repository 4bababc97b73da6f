#include "net/api/engine_service.hpp"

#include "net/api/changes.hpp"
#include "net/api/enforcement.hpp"
#include "net/api/forwarder.hpp"
#include "net/api/route_rules.hpp"
#include "net/http/content.hpp"
#include "net/http/log.hpp"
#include "net/http/network_thread.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

using engine::Permission;

// Whether the route accepts the query and the type of the body. False: an error has been sent.
bool is_understood(Call& call, const Route& route, Query& query) {
  if (const auto wrong = query.read(call.request().query, route.query); !wrong.empty()) {
    refuse(native, call.exchange, {400, "invalid_parameter", wrong, {}, query.wrong_name()}, call.principal);
    return false;
  }
  const auto coding = refuse_coding(call.request());
  const auto wrong = coding.empty() ? refuse_type(call.request()) : coding;
  if (wrong.empty()) return true;
  call.response().header(coding.empty() ? "Accept" : "Accept-Encoding",
                         coding.empty() ? taken_types : "identity");
  refuse(native, call.exchange, {415, "unsupported_media_type", wrong}, call.principal);
  return false;
}

Outcome refuse_route(const Dialect& dialect, const Exchange& exchange, const std::string& allowed) {
  if (allowed.empty())
    return refuse(dialect, exchange, {404, "route_not_found", "no route has this path"}, {});
  exchange.response.header("Allow", allowed);
  if (exchange.request.method == Method::options) {
    exchange.response.send(204);
    return {};
  }
  // RFC 9110, 9.1. Published dialects have no such error.
  if (exchange.request.method == Method::other && &dialect == &native) {
    return refuse(dialect, exchange, {501, "method_not_implemented", "this method is not implemented"}, {});
  }
  return refuse(dialect, exchange, {405, "method_not_allowed", "this path does not support this method"}, {});
}

// A change that was not made, for another reason than the caller's lack of authority. Without its target: a
// wrong id may be a secret.
void log_failure(const Exchange& exchange, const Route& route, const engine::Principal& principal) {
  static LogLimit limit;
  log(limit, engine::Asker::of(principal.actor, principal.actor_kind, &principal.reach), Level::info,
      "not changed",
      {{"route", route.pattern},
       {"method", method_name(route.method)},
       {"status", std::to_string(exchange.response.status())},
       {"actor", principal.actor},
       {"actor_kind", to_string(principal.actor_kind)},
       {"address", exchange.request.remote_address},
       {"request_id", exchange.request.id},
       {"trace_id", trace_id_of(exchange.request)}});
}

// Records a refused attempt: who and what. Not the path as sent: it may contain anything.
void record_refusal(Api& api, const Exchange& exchange, const Route& route, const Parameters& parameters,
                    const engine::Principal& principal) {
  std::string what = std::to_string(exchange.response.status());
  what.append(" ").append(method_name(route.method)).append(" ").append(route.pattern);
  api.engine.record_refusal(what, parameters[0],
                            {principal.actor, exchange.request.remote_address, exchange.request.id,
                             &principal.reach, principal.actor_kind});
}

}  // namespace

EngineService::EngineService(Api api, std::span<const Dialect* const> dialects)
    : api_(std::move(api)), dialects_(dialects) {
  const auto add = [this](const Dialect& dialect) {
    for (const auto& route : dialect.routes)
      route_names_.push_back({method_name(route.method), route.pattern});
  };
  add(native);
  for (const auto* dialect : dialects) add(*dialect);
}

std::unique_ptr<Service::ThreadState> EngineService::new_thread_state(cache::asio::io_context& io) {
  if (!api_.forwarder) return {};
  return api_.forwarder->new_connections(io);
}

void EngineService::prepare(Request& request) const {
  if (api_.forwarder) request.is_forwarded = api_.forwarder->take_forwarded(request);
}

bool EngineService::takes_body(const Request& request) const { return is_body_route(request); }

Outcome EngineService::handle(Exchange& exchange) {
  engine::Recalled recalled;
  std::string asker;
  auto outcome = answer(exchange, recalled, asker);
  if (!recalled.is_wanting()) [[likely]]
    return outcome;
  return {0, recall_and_answer(exchange, std::make_unique<engine::Recalled>(std::move(recalled)),
                               std::move(asker))};
}

Task<> EngineService::forward(Exchange exchange) {
  const bool is_answered = co_await api_.forwarder->forward(exchange);
  if (!is_answered) co_await recall_and_answer(exchange, std::make_unique<engine::Recalled>(), {});
}

// What must be read can change while it is read: retry a few times. A member: the service outlives its
// server.
Task<> EngineService::recall_and_answer(Exchange exchange, std::unique_ptr<engine::Recalled> recalled,
                                        std::string asker) {
  constexpr int most_tries = 8;
  const auto& dialect = dialect_of(exchange.request.path).dialect;
  auto& thread = exchange.connection.thread();
  Outcome outcome;
  if (!recalled->is_wanting()) outcome = answer(exchange, *recalled, asker);
  for (int i = 0; recalled->is_wanting(); ++i) {
    engine::result<void> done = engine::errc::overloaded;
    const std::function<void()> read = [&] { done = api_.engine.recall(*recalled); };
    const bool was_read = co_await api_.readings->run(thread.executor(), asker, read);
    if (!was_read || !done || i == most_tries) {
      const auto error = was_read && !done ? done.error() : make_error_code(engine::errc::overloaded);
      const auto [status, code] = problem_kind(error);
      refuse(dialect, exchange, {status, code, error.message()}, {});
      co_return;
    }
    outcome = answer(exchange, *recalled, asker);
  }
  if (outcome.durable_after != 0 && !co_await wait_until_durable(exchange, outcome.durable_after)) co_return;
  if (outcome.rest) co_await std::move(*outcome.rest);
}

EngineService::Served EngineService::dialect_of(std::string_view path) const {
  std::size_t first_route = 1 + native.routes.size();
  for (const auto* dialect : dialects_) {
    for (const auto prefix : dialect->prefixes) {
      if (path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/'))
        return {*dialect, first_route};
    }
    first_route += dialect->routes.size();
  }
  return {native, 1};
}

Outcome EngineService::answer(Exchange& exchange, engine::Recalled& recalled, std::string& asker) {
  const auto& [dialect, first_route] = dialect_of(exchange.request.path);
  const auto match = match_route(dialect.routes, exchange.request.method, exchange.request.path);
  if (match.route == nullptr) {
    const bool is_server = exchange.request.path == "*";
    return refuse_route(dialect, exchange, is_server ? methods_of(native.routes) : match.allowed);
  }

  exchange.response.answers(
      static_cast<RouteNumber>(first_route + static_cast<std::size_t>(match.route - dialect.routes.data())));
  if (api_.standing != nullptr && !answers_always(*match.route)) {
    if (needs_leader(*match.route) && api_.standing->role() != engine::Standing::Role::leader &&
        !exchange.request.is_forwarded)
      return {0, forward(exchange)};
    if (!api_.standing->is_current() || (needs_leader(*match.route) && !api_.standing->may_acknowledge())) {
      refuse(dialect, exchange, {503, "not_current", not_current}, {});
      return {};
    }
  }
  engine::Principal principal;
  Query query;
  Call call{exchange, match.parameters, query, principal, dialect, recalled};
  auto outcome = authorise_and_call(call, *match.route, principal, query);
  const auto status = exchange.response.status();
  if ((status == 401 || status == 403) && changes_something(*match.route) && !is_storage_full(api_)) {
    record_refusal(api_, exchange, *match.route, match.parameters, principal);
  }
  const bool is_logged = &dialect != &native || status == 401 || status == 403;
  if (status >= 400 && !is_logged && changes_something(*match.route))
    log_failure(exchange, *match.route, principal);
  if (recalled.is_wanting()) asker = asker_of(principal);
  return outcome;
}

// Sets `principal` and `query`, which the call refers to, to the caller, as far as it is known, and to the
// parsed query.
Outcome EngineService::authorise_and_call(Call& call, const Route& route, engine::Principal& principal,
                                          Query& query) {
  if (route.permission) {
    if (!api_.engine.is_ready()) {
      return refuse(call, api_.engine.has_failed() ? engine::errc::storage_failed : engine::errc::not_ready);
    }
    auto found = api_.authenticator.authenticate(call.dialect.present(call.request()));
    if (!found) {
      return refuse(call, 401, "unauthenticated", "present a valid key: Authorization: Bearer, or X-API-Key");
    }
    principal = std::move(*found);
    if (!engine::may(principal, *route.permission)) {
      return refuse(call, 403, "forbidden",
                    "this requires the permission " + std::string(to_string(*route.permission)));
    }
  }
  if (grows(route) && is_storage_full(api_)) {
    return refuse(call, 507, "storage_full",
                  "the disk is almost full: only changes that deny keys are accepted");
  }
  if (&call.dialect == &native && !is_understood(call, route, query)) return {};
  if (!changes_something(route)) return route.handler(api_, call);
  if (!waits_for_gateways(route) || call.query.is_true("dry_run")) return answer_change(call, route);
  const auto wait = preferred_wait(call.request(), max_wait);
  if (!wait) return refuse(call, 400, "invalid_field", malformed_wait);
  if (!*wait) return answer_change(call, route);
  return answer_when_enforced(api_, call, *route.permission, **wait,
                              [&] { return answer_change(call, route); });
}

Outcome EngineService::answer_change(Call& call, const Route& route) {
  if (is_done_once(call.dialect, route))
    return handle_once(api_, call, route.handler, route.pattern, replies_);
  if (answers_early(call.dialect, route)) return handle_change(api_, call, route.handler);
  return route.handler(api_, call);
}

}  // namespace revoked::net
