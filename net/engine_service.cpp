#include "net/engine_service.hpp"

#include <algorithm>
#include <optional>

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
    {Method::get, "/v1/invalidations", show_invalidations, Permission::gateway},
    {Method::get, "/livez", show_liveness, {}},
    {Method::get, "/readyz", show_readiness, {}},
    {Method::get, "/healthz", show_health, {}},
};

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
  if (match.route->permission) {
    if (!api_.engine.is_ready()) {
      send_problem(exchange.response, engine::errc(api_.engine.has_failed() ? engine::errc::storage_failed
                                                                            : engine::errc::not_ready));
      return {};
    }
    const auto found = api_.authenticator.authenticate(exchange.request);
    if (!found) {
      exchange.response.header("WWW-Authenticate", "Bearer realm=\"revoked\"");
      send_problem(exchange.response, 401, "unauthenticated", "present a valid key: Authorization: Bearer, or X-API-Key");
      return {};
    }
    principal = *found;
    if (!engine::may(principal, *match.route->permission)) {
      send_problem(exchange.response, 403, "forbidden",
                   "this takes the permission " + std::string(to_string(*match.route->permission)));
      return {};
    }
  }
  Call call{exchange, match.parameters, principal};
  return match.route->handler(api_, call);
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
