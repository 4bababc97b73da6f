#include "engine/policy.hpp"

#include <algorithm>

#include "engine/permission_sets.hpp"

namespace revoked::engine {

std::string_view to_string(Permission permission) {
  switch (permission) {
    case Permission::keys_create:
      return "keys:create";
    case Permission::keys_read:
      return "keys:read";
    case Permission::keys_verify:
      return "keys:verify";
    case Permission::keys_write:
      return "keys:write";
    case Permission::keys_revoke:
      return "keys:revoke";
    case Permission::audit_read:
      return "audit:read";
    case Permission::gateways_read:
      return "gateways:read";
    case Permission::gateway:
      return "gateway";
  }
  return "";
}

std::string_view to_string(ActorKind kind) {
  switch (kind) {
    case ActorKind::unknown:
      return "";
    case ActorKind::master_key:
      return "master_key";
    case ActorKind::key:
      return "key";
    case ActorKind::token:
      return "token";
  }
  return "";
}

bool Reach::is_unlimited() const {
  return std::none_of(limits.begin(), limits.end(), [](const auto& limit) { return limit.has_value(); });
}

bool Reach::allows(Scope scope, std::string_view owner_id) const {
  const auto& owners = limit(scope);
  return !owners || std::find(owners->begin(), owners->end(), owner_id) != owners->end();
}

std::optional<Principal> principal_of(const Decision& key) {
  if (key.state != KeyState::active) return {};
  Principal principal{false, std::string(key.permissions), {}, key.key_id, ActorKind::key};
  for (const Scope scope : all_scopes) {
    if (!key.owner(scope).empty())
      principal.reach.limits[static_cast<std::size_t>(scope)] = {key.owner(scope)};
  }
  return principal;
}

bool may(const Principal& principal, Permission permission) {
  if (principal.is_master || has_permission(principal.permissions, to_string(permission))) return true;
  return permission == Permission::keys_verify && may(principal, Permission::gateway);
}

bool may_grant(const Principal& principal, std::string_view list) {
  if (principal.is_master) return true;
  bool all = true;
  for_each_permission(list, [&](std::string_view permission) {
    const bool implied =
        permission == to_string(Permission::keys_verify) && may(principal, Permission::keys_verify);
    all = all && (implied || has_permission(principal.permissions, permission));
  });
  return all;
}

}  // namespace revoked::engine
