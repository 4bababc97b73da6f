#include "net/api/engine_service.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

#include "engine/model/json_writer.hpp"
#include "net/api/changes.hpp"
#include "net/api/route_queries.hpp"
#include "net/http/content.hpp"
#include "net/http/log.hpp"
#include "net/http/network_thread.hpp"
#include "net/http/problem.hpp"
#include "net/http/shown.hpp"

namespace revoked::net {
namespace {

using engine::Permission;

// The first match counts.
constexpr Route routes[] = {
    {Method::delete_, "/v1/keys/{}", revoke_key, Permission::keys_revoke, revocation_query},
    {Method::post, "/v1/keys/verify", verify_key, Permission::keys_verify, verify_query},
    {Method::post, "/v1/keys/revoke", revoke_secrets, Permission::keys_revoke, dry_run_query},
    {Method::post, "/v1/keys/import", import_keys, Permission::keys_create, {}, true},
    {Method::post, "/v1/revocations", revoke_in_bulk, Permission::keys_revoke, dry_run_query, true},
    {Method::post, "/v1/keys", create_key, Permission::keys_create},
    {Method::get, "/v1/keys", list_keys, Permission::keys_read, list_query},
    {Method::get, "/v1/keys/{}", show_key, Permission::keys_read},
    {Method::patch, "/v1/keys/{}", edit_key, Permission::keys_write},
    {Method::post, "/v1/keys/{}/suspend", suspend_key, Permission::keys_write},
    {Method::post, "/v1/keys/{}/resume", resume_key, Permission::keys_write},
    {Method::post, "/v1/keys/{}/rotate", rotate_key, Permission::keys_write},
    {Method::delete_, "/v1/users/{}/keys", revoke_user, Permission::keys_revoke, revocation_query},
    {Method::delete_, "/v1/applications/{}/keys", revoke_application, Permission::keys_revoke,
     revocation_query},
    {Method::delete_, "/v1/workspaces/{}/keys", revoke_workspace, Permission::keys_revoke, revocation_query},
    {Method::put, "/v1/users/{}/lock", lock_user, Permission::keys_revoke, reason_query},
    {Method::put, "/v1/applications/{}/lock", lock_application, Permission::keys_revoke, reason_query},
    {Method::put, "/v1/workspaces/{}/lock", lock_workspace, Permission::keys_revoke, reason_query},
    {Method::delete_, "/v1/users/{}/lock", unlock_user, Permission::keys_write, reason_query},
    {Method::delete_, "/v1/applications/{}/lock", unlock_application, Permission::keys_write, reason_query},
    {Method::delete_, "/v1/workspaces/{}/lock", unlock_workspace, Permission::keys_write, reason_query},
    {Method::get, "/v1/audit", show_audit, Permission::audit_read, audit_query},
    {Method::get, "/v1/invalidations", show_invalidations, Permission::gateway, feed_query},
    {Method::get, "/v1/backup", send_backup, Permission::master_key},
    {Method::get, "/livez", show_liveness, {}},
    {Method::get, "/readyz", show_readiness, {}},
    {Method::get, "/healthz", show_health, {}},
};

constexpr auto body_routes = [] {
  std::array<const Route*, std::ranges::count(routes, true, &Route::takes_body)> found{};
  auto at = found.begin();
  for (const Route& route : routes) {
    if (route.takes_body) *at++ = &route;
  }
  return found;
}();
static_assert(std::ranges::all_of(body_routes, [](const Route* route) {
  return route->pattern.find('{') == std::string_view::npos;
}));

// As members of the problem's object.
std::string culprit_of(const Refusal& refusal) {
  std::string members;
  const auto add = [&](std::string_view name, std::string_view culprit) {
    if (culprit.empty() || !is_showable(culprit)) return;
    members.append(name);
    engine::append_json_string(members, culprit);
  };
  add(",\"member\":", refusal.member);
  add(",\"parameter\":", refusal.parameter);
  return members;
}

constexpr Dialect native{
    "native",
    {},
    routes,
    "Bearer realm=\"revoked\"",
    [](const Request& request) {
      return Presented{credential_of(request), any_kind};
    },
    [](const Exchange& exchange, const Refusal& refusal) {
      send_problem(exchange.response, refusal.status, refusal.code, refusal.detail, culprit_of(refusal));
    },
};

// Published dialects log every refusal, the native API only those for lack of authority.
Outcome refuse(const Dialect& dialect, const Exchange& exchange, const Refusal& refusal,
               const engine::Principal& principal) {
  if (refusal.status == 401) exchange.response.header("WWW-Authenticate", dialect.challenge);
  if (&dialect != &native || refusal.status == 401 || refusal.status == 403)
    log_refusal(dialect, exchange.request, refusal, principal);
  dialect.refuse(exchange, refusal);
  return {};
}

// Whether the route accepts the query and the type of the body. False: an error has been sent.
bool is_understood(Call& call, const Route& route, Query& query) {
  if (const auto wrong = query.read(call.request().query, route.query); !wrong.empty()) {
    refuse(native, call.exchange, {400, "invalid_parameter", wrong, {}, query.culprit()}, call.principal);
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

bool changes_something(const Route& route) {
  return route.permission == Permission::keys_create || route.permission == Permission::keys_write ||
         route.permission == Permission::keys_revoke;
}

// Whether the route lets the journal grow without bound; revoking and suspending keys do not.
bool grows(const Route& route) {
  return route.permission == Permission::keys_create ||
         (route.permission == Permission::keys_write && route.handler != suspend_key);
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

bool EngineService::takes_body(const Request& request) const {
  auto path = request.path;
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return std::any_of(body_routes.begin(), body_routes.end(), [&](const Route* route) {
    return route->pattern == path && route->method == request.method;
  });
}

Outcome EngineService::handle(Exchange& exchange) {
  engine::Recalled recalled;
  std::string asker;
  auto outcome = answer(exchange, recalled, asker);
  if (!recalled.is_wanting()) [[likely]]
    return outcome;
  return {0, recall_and_answer(exchange, std::make_unique<engine::Recalled>(std::move(recalled)),
                               std::move(asker))};
}

// What must be read can change while it is read: retry a few times.
Task<> EngineService::recall_and_answer(Exchange exchange, std::unique_ptr<engine::Recalled> recalled,
                                        std::string asker) {
  constexpr int most_tries = 8;
  auto& thread = exchange.connection.thread();
  Outcome outcome;
  for (int i = 0; recalled->is_wanting(); ++i) {
    engine::result<void> done = engine::errc::overloaded;
    const std::function<void()> read = [&] { done = api_.engine.recall(*recalled); };
    if (!co_await read_aside(api_, exchange, asker, read)) co_return;
    if (!done || i == most_tries) {
      send_problem(exchange.response, done ? engine::errc::overloaded : done.error());
      co_return;
    }
    outcome = answer(exchange, *recalled, asker);
  }
  if (outcome.durable_after != 0 && !co_await thread.durable(outcome.durable_after)) {
    exchange.response.close_after();
    exchange.connection.close();
    co_return;
  }
  if (outcome.rest) co_await std::move(*outcome.rest);
}

const Dialect& EngineService::dialect_of(std::string_view path) const {
  for (const auto* dialect : dialects_) {
    for (const auto prefix : dialect->prefixes) {
      if (path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/'))
        return *dialect;
    }
  }
  return native;
}

Outcome EngineService::answer(Exchange& exchange, engine::Recalled& recalled, std::string& asker) {
  const auto& dialect = dialect_of(exchange.request.path);
  const auto match = match_route(dialect.routes, exchange.request.method, exchange.request.path);
  if (match.route == nullptr) {
    const bool is_server = exchange.request.path == "*";
    return refuse_route(dialect, exchange, is_server ? methods_of(native.routes) : match.allowed);
  }

  engine::Principal principal;
  Query query;
  Call call{exchange, match.parameters, query, principal, dialect, recalled};
  auto outcome = authorise_and_call(call, *match.route, principal, query);
  const auto status = exchange.response.status();
  if ((status == 401 || status == 403) && changes_something(*match.route) && !is_storage_full(api_)) {
    record_refusal(api_, exchange, *match.route, match.parameters, principal);
  }
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
  // Published dialects do not know Idempotency-Key or Prefer.
  if (!changes_something(route) || route.takes_body || &call.dialect != &native)
    return route.handler(api_, call);
  if (route.method != Method::post) return handle_change(api_, call, route.handler);
  return handle_once(api_, call, route.handler, route.pattern, replies_);
}

Outcome refuse(Call& call, boost::system::error_code error) {
  if (error == engine::errc::not_recalled) {
    call.recalled.ask_again();
    return {};
  }
  const auto [status, code] = problem_kind(error);
  return refuse(call, status, code, error.message());
}

Outcome refuse(Call& call, unsigned status, std::string_view code, std::string_view detail) {
  return refuse(call.dialect, call.exchange, {status, code, detail}, call.principal);
}

Outcome refuse(Call& call, const Fault& fault) {
  return refuse(call.dialect, call.exchange, {400, fault.code, fault.detail, fault.member}, call.principal);
}

void log_refusal(const Dialect& dialect, const Request& request, const Refusal& refusal,
                 const engine::Principal& principal) {
  static LogLimit limit;
  log(limit, engine::Asker::of(principal.actor, principal.actor_kind, &principal.reach), Level::info,
      "refused",
      {{"dialect", dialect.name},
       {"status", std::to_string(refusal.status)},
       {"code", refusal.code},
       {"actor", principal.actor},
       {"actor_kind", to_string(principal.actor_kind)},
       {"request_id", request.id},
       {"trace_id", trace_id_of(request)},
       {"address", request.remote_address}});
}

std::size_t limit_of(const Query& query, std::size_t otherwise) {
  const auto* const text = query.find("limit");
  if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), otherwise);
  return otherwise;
}

std::string asker_of(const engine::Principal& principal) {
  std::string asker(1, static_cast<char>(principal.actor_kind));
  return asker.append(principal.actor);
}

Task<bool> read_aside(Api& api, Exchange exchange, std::string asker, const std::function<void()>& read) {
  auto& thread = exchange.connection.thread();
  const bool was_read = co_await api.readings->run(thread.executor(), std::move(asker), read);
  if (!was_read) send_problem(exchange.response, engine::errc::overloaded);
  co_return was_read;
}

bool has_share_left(const Api& api, const engine::NewKey& key) {
  using engine::Scope;
  const auto most = api.max_keys_per_workspace;
  // Usually decided at once: all owners together have fewer.
  if (most == 0 || api.engine.size().keys < most) return true;
  for (const auto scope : {Scope::workspace, Scope::application, Scope::user}) {
    const auto owner = key.owners[static_cast<std::size_t>(scope)];
    if (owner.empty()) continue;
    const auto living = api.engine.count_revocable(scope, owner, {});
    return !living || *living < most;
  }
  return true;
}

void set_position(Response& response, engine::Position position) {
  response.header("Revocation-Position", to_string(position));
}

}  // namespace revoked::net
