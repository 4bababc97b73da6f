#include "net/api/native.hpp"

#include <algorithm>
#include <array>

#include "engine/model/json_writer.hpp"
#include "net/api/route_queries.hpp"
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
    {Method::get, "/v1/gateways", show_gateways, Permission::gateways_read},
    {Method::delete_, "/v1/gateways/{}", forget_gateway, Permission::master_key},
    {Method::get, "/v1/engines", show_engines, Permission::gateways_read},
    {Method::get, "/v1/receipts/{}", show_receipt, Permission::gateways_read},
    {Method::post, "/v1/gateways/report", take_report, Permission::gateway},
    {Method::get, "/v1/invalidations", show_invalidations, Permission::gateway, feed_query},
    {Method::post, "/v1/webhooks/test", test_webhooks, Permission::master_key},
    {Method::get, "/v1/backup", send_backup, Permission::master_key},
    {Method::get, "/v1/checkpoint", send_checkpoint, {}},
    {Method::get, "/livez", show_liveness, {}},
    {Method::get, "/readyz", show_readiness, {}},
    {Method::get, "/healthz", show_health, {}},
    {Method::get, "/metrics", show_metrics, {}},
    {Method::get, "/console", show_console, {}},
    {Method::get, "/console/{}", show_console, {}},
    {Method::get, "/openapi.json", show_document, {}},
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
std::string named_in(const Refusal& refusal) {
  std::string members;
  const auto add = [&](std::string_view name, std::string_view text) {
    if (text.empty() || !is_showable(text)) return;
    members.append(name);
    engine::append_json_string(members, text);
  };
  add(",\"member\":", refusal.member);
  add(",\"parameter\":", refusal.parameter);
  return members;
}

}  // namespace

constinit const Dialect native{
    "native",
    {},
    routes,
    "Bearer realm=\"revoked\"",
    [](const Request& request) {
      return Presented{credential_of(request), any_kind};
    },
    [](const Exchange& exchange, const Refusal& refusal) {
      send_problem(exchange.response, refusal.status, refusal.code, refusal.detail, named_in(refusal));
    },
};

bool is_body_route(const Request& request) {
  auto path = request.path;
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return std::any_of(body_routes.begin(), body_routes.end(), [&](const Route* route) {
    return route->pattern == path && route->method == request.method;
  });
}

}  // namespace revoked::net
