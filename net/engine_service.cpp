#include "net/engine_service.hpp"

#include <algorithm>
#include <optional>

#include "net/changes.hpp"
#include "net/problem.hpp"

namespace revoked::net {
namespace {

using engine::Permission;

struct Route {
  Method method;
  std::string_view pattern;
  Outcome (*handler)(Api&, Call&);
  std::optional<Permission> permission;  // none: open to all
  bool takes_body = false;               // see Service::takes_body
};

// The first match counts.
constexpr Route routes[] = {
    {Method::delete_, "/v1/keys/{}", revoke_key, Permission::keys_revoke},
    {Method::post, "/v1/keys/verify", verify_key, Permission::keys_verify},
    {Method::post, "/v1/keys/revoke", revoke_secrets, Permission::keys_revoke},
    {Method::post, "/v1/keys/import", import_keys, Permission::keys_create, true},
    {Method::post, "/v1/revocations", revoke_in_bulk, Permission::keys_revoke, true},
    {Method::post, "/v1/keys", create_key, Permission::keys_create},
    {Method::get, "/v1/keys", list_keys, Permission::keys_read},
    {Method::get, "/v1/keys/{}", show_key, Permission::keys_read},
    {Method::post, "/v1/keys/{}/suspend", suspend_key, Permission::keys_write},
    {Method::post, "/v1/keys/{}/resume", resume_key, Permission::keys_write},
    {Method::post, "/v1/keys/{}/rotate", rotate_key, Permission::keys_write},
    {Method::delete_, "/v1/users/{}/keys", revoke_user, Permission::keys_revoke},
    {Method::delete_, "/v1/applications/{}/keys", revoke_application, Permission::keys_revoke},
    {Method::delete_, "/v1/workspaces/{}/keys", revoke_workspace, Permission::keys_revoke},
    {Method::get, "/v1/audit", show_audit, Permission::audit_read},
    {Method::get, "/v1/invalidations", show_invalidations, Permission::gateway},
    {Method::get, "/livez", show_liveness, {}},
    {Method::get, "/readyz", show_readiness, {}},
    {Method::get, "/healthz", show_health, {}},
};

bool changes_something(const Route& route) {
  return route.permission == Permission::keys_create || route.permission == Permission::keys_write ||
         route.permission == Permission::keys_revoke;
}

// Who tried what in vain. Not the path as it was sent: it may hold anything.
void record_refusal(Api& api, const Exchange& exchange, const Route& route, const Parameters& parameters,
                    const engine::Principal& principal) {
  std::string what = std::to_string(exchange.response.status());
  what.append(" ").append(method_name(route.method)).append(" ").append(route.pattern);
  api.engine.record_refusal(what, parameters[0],
                            {principal.actor, exchange.request.remote_address, exchange.request.id, nullptr});
}

Outcome refuse_route(Exchange& exchange, const std::string& allowed) {
  if (allowed.empty()) {
    send_problem(exchange.response, 404, "route_not_found", "there is nothing at this path");
    return {};
  }
  exchange.response.header("Allow", allowed);
  if (exchange.request.method == Method::options) {
    exchange.response.send(204);
  } else {
    send_problem(exchange.response, 405, "method_not_allowed", "this path does not have this method");
  }
  return {};
}

// `principal` is who asks, as far as that is found out.
Outcome authorise_and_call(Api& api, Exchange& exchange, const Route& route, const Parameters& parameters,
                           engine::Principal& principal, ReplyTable& replies) {
  if (route.permission) {
    if (!api.engine.is_ready()) {
      send_problem(exchange.response, engine::errc(api.engine.has_failed() ? engine::errc::storage_failed
                                                                            : engine::errc::not_ready));
      return {};
    }
    const auto found = api.authenticator.authenticate(exchange.request);
    if (!found) {
      exchange.response.header("WWW-Authenticate", "Bearer realm=\"revoked\"");
      send_problem(exchange.response, 401, "unauthenticated", "present a valid key: Authorization: Bearer, or X-API-Key");
      return {};
    }
    principal = *found;
    if (!engine::may(principal, *route.permission)) {
      send_problem(exchange.response, 403, "forbidden",
                   "this takes the permission " + std::string(to_string(*route.permission)));
      return {};
    }
  }
  Call call{exchange, parameters, principal};
  if (!changes_something(route) || route.takes_body) return route.handler(api, call);
  if (route.method != Method::post) return handle_change(api, call, route.handler);
  return handle_once(api, call, route.handler, route.pattern, replies);
}

}  // namespace

bool EngineService::takes_body(const Request& request) const {
  thread_local Parameters none;
  auto path = request.path;
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return std::any_of(std::begin(routes), std::end(routes), [&](const Route& route) {
    return route.takes_body && route.method == request.method && match_path(route.pattern, path, none);
  });
}

Outcome EngineService::handle(Exchange& exchange) {
  const auto match = match_route(std::span(routes), exchange.request.method, exchange.request.path);
  if (match.route == nullptr) return refuse_route(exchange, match.allowed);

  engine::Principal principal;
  auto outcome = authorise_and_call(api_, exchange, *match.route, match.parameters, principal, replies_);
  const auto status = exchange.response.status();
  if ((status == 401 || status == 403) && changes_something(*match.route)) {
    record_refusal(api_, exchange, *match.route, match.parameters, principal);
  }
  return outcome;
}

Outcome refuse(Call& call, boost::system::error_code error) {
  send_problem(call.response(), error);
  return {};
}

Outcome refuse(Call& call, unsigned status, std::string_view code, std::string_view detail) {
  send_problem(call.response(), status, code, detail);
  return {};
}

void set_position(Response& response, engine::Position position) {
  response.header("Revocation-Position", to_string(position));
}

}  // namespace revoked::net
