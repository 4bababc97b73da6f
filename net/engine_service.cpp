#include "net/engine_service.hpp"

#include "net/dialects/dialects.hpp"
#include "net/log.hpp"
#include "net/problem.hpp"

namespace revoked::net {
namespace {

using engine::Permission;

// The first match counts.
constexpr Route routes[] = {
    {Method::delete_, "/v1/keys/{}", revoke_key, Permission::keys_revoke},
    {Method::post, "/v1/keys/verify", verify_key, Permission::keys_verify},
    {Method::post, "/v1/keys/revoke", revoke_secrets, Permission::keys_revoke},
    {Method::post, "/v1/keys", create_key, Permission::keys_create},
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

constexpr Dialect native{
    "native",
    {},
    routes,
    "Bearer realm=\"revoked\"",
    [](const Request& request) {
      return Presented{credential_of(request), any_kind};
    },
    [](const Exchange& exchange, const Refusal& refusal) {
      send_problem(exchange.response, refusal.status, refusal.code, refusal.detail);
    },
};

Outcome refuse(const Dialect& dialect, const Exchange& exchange, const Refusal& refusal) {
  if (refusal.status == 401) exchange.response.header("WWW-Authenticate", dialect.challenge);
  if (&dialect != &native) log_refusal(dialect, exchange.request, refusal);
  dialect.refuse(exchange, refusal);
  return {};
}

Outcome refuse_route(const Dialect& dialect, const Exchange& exchange, const std::string& allowed) {
  if (allowed.empty())
    return refuse(dialect, exchange, {404, "route_not_found", "there is nothing at this path"});
  exchange.response.header("Allow", allowed);
  if (exchange.request.method != Method::options) {
    return refuse(dialect, exchange, {405, "method_not_allowed", "this path does not have this method"});
  }
  exchange.response.send(204);
  return {};
}

}  // namespace

Outcome EngineService::handle(Exchange& exchange) {
  const auto* published = dialect_of(exchange.request.path);
  const Dialect& dialect = published == nullptr ? native : *published;
  const auto match = match_route(dialect.routes, exchange.request.method, exchange.request.path);
  if (match.route == nullptr) return refuse_route(dialect, exchange, match.allowed);

  engine::Principal principal;
  Call call{exchange, match.parameters, principal, dialect};
  if (match.route->permission) {
    if (!api_.engine.is_ready()) {
      return refuse(call, api_.engine.has_failed() ? engine::errc::storage_failed : engine::errc::not_ready);
    }
    auto found = api_.authenticator.authenticate(dialect.present(exchange.request));
    if (!found) {
      return refuse(call, 401, "unauthenticated", "present a valid key: Authorization: Bearer, or X-API-Key");
    }
    principal = std::move(*found);
    if (!engine::may(principal, *match.route->permission)) {
      return refuse(call, 403, "forbidden",
                    "this takes the permission " + std::string(to_string(*match.route->permission)));
    }
  }
  return match.route->handler(api_, call);
}

Outcome refuse(Call& call, boost::system::error_code error) {
  const auto [status, code] = problem_kind(error);
  return refuse(call, status, code, error.message());
}

Outcome refuse(Call& call, unsigned status, std::string_view code, std::string_view detail) {
  return refuse(call.dialect, call.exchange, {status, code, detail});
}

void set_position(Response& response, engine::Position position) {
  response.header("Revocation-Position", to_string(position));
}

}  // namespace revoked::net
