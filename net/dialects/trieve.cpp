// The trieve dialect: DELETE /api/user/api_key/{api_key_id} and /api/organization/api_key/{api_key_id}.
// Authorization may hold the bare key. An organization is a workspace. The response does not reveal whether
// the id was the caller's.

#include "engine/base/uuid.hpp"
#include "net/dialects/dialects.hpp"

namespace revoked::net {
namespace {

using engine::Permission;
using engine::Scope;

void refuse_as_published(const Exchange& exchange, const Refusal& refusal) {
  std::string body;
  engine::JsonWriter(body).open('{').field("message", refusal.detail).close('}');
  send_error(exchange, refusal.status, body);
}

Presented present(const Request& request) {
  auto presented = present_bearer_key(request);
  if (presented.credential.empty()) presented.credential = request[Header::authorization];
  return presented;
}

Outcome delete_key_of(Api& api, Call& call, Scope scope) {
  const auto& key_id = call.parameters[0];
  if (!engine::is_uuid(key_id)) return refuse(call, 400, "invalid_key_id", "api_key_id is not a UUID");
  const auto& reach = call.principal.reach;
  if (!reach.limit(scope)) {
    return refuse(call, 403, "forbidden", "this key has no " + std::string(to_string(scope)));
  }
  const auto revoked = revoke_key_within(api, call, key_id, reach);
  if (!revoked && revoked.error() != engine::errc::not_found) return refuse(call, revoked.error());
  call.response().send(204);
  return {revoked ? revoked->sequence : 0, {}};
}

Outcome delete_user_key(Api& api, Call& call) { return delete_key_of(api, call, Scope::user); }
Outcome delete_organization_key(Api& api, Call& call) { return delete_key_of(api, call, Scope::workspace); }

constexpr std::string_view prefixes[] = {"/api/user", "/api/organization"};
constexpr Route routes[] = {
    {Method::delete_, "/api/user/api_key/{}", delete_user_key, Permission::keys_revoke},
    {Method::delete_, "/api/organization/api_key/{}", delete_organization_key, Permission::keys_revoke},
};

}  // namespace

extern const Dialect trieve;
constinit const Dialect trieve{"trieve", prefixes,           routes, "Bearer realm=\"revoked\"",
                               present,  refuse_as_published};

}  // namespace revoked::net
