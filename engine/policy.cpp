#include "engine/policy.hpp"

#include <algorithm>

#include "engine/permission_sets.hpp"

namespace revoked::engine {

std::string_view to_string(Permission permission) {
  switch (permission) {
    case Permission::keys_create: return "keys:create";
    case Permission::keys_read: return "keys:read";
    case Permission::keys_verify: return "keys:verify";
    case Permission::keys_write: return "keys:write";
    case Permission::keys_revoke: return "keys:revoke";
    case Permission::audit_read: return "audit:read";
    case Permission::gateways_read: return "gateways:read";
    case Permission::gateway: return "gateway";
  }
  return "";
}

std::optional<Principal> principal_of(const Decision& key) {
  if (key.state != KeyState::active) return {};
  const bool limited = std::any_of(key.owners.begin(), key.owners.end(), [](const auto& id) { return !id.empty(); });
  return Principal{false, key.permissions, limited, key.key_id};
}

bool may(const Principal& principal, Permission permission) {
  if (principal.is_master) return true;
  if (principal.is_limited) return false;
  if (has_permission(principal.permissions, to_string(permission))) return true;
  return permission == Permission::keys_verify && may(principal, Permission::gateway);
}

}  // namespace revoked::engine
