#include "engine/model/policy.hpp"

#include <algorithm>
#include <bit>

#include "engine/model/permissions.hpp"

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
    case Permission::master_key:
      return "of a master key";
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

namespace {

constexpr int bits_a_scope = width_bits / 3;
constexpr Width widest_bits = (1 << bits_a_scope) - 1;

Width width_in(Width width, Scope scope) {
  return (width >> (bits_a_scope * static_cast<int>(scope))) & widest_bits;
}

}  // namespace

Width width_of(const Reach* reach) {
  Width width = 0;
  if (reach == nullptr) return width;
  for (const Scope scope : all_scopes) {
    const auto& limit = reach->limit(scope);
    if (!limit) continue;
    const auto narrow =
        widest_bits + 1 - std::clamp<int>(static_cast<int>(std::bit_width(limit->size())), 1, widest_bits);
    width |= static_cast<Width>(narrow << (bits_a_scope * static_cast<int>(scope)));
  }
  return width;
}

bool is_as_wide(Width width, Width other) {
  return std::all_of(all_scopes.begin(), all_scopes.end(),
                     [&](Scope scope) { return width_in(width, scope) <= width_in(other, scope); });
}

Width widest_of(Width a, Width b) {
  Width widest = 0;
  for (const Scope scope : all_scopes) {
    widest |= static_cast<Width>(std::min(width_in(a, scope), width_in(b, scope))
                                 << (bits_a_scope * static_cast<int>(scope)));
  }
  return widest;
}

bool is_limited_elsewhere(const Reach* reach, Scope scope) {
  return reach != nullptr && std::any_of(all_scopes.begin(), all_scopes.end(), [&](Scope each) {
           return each != scope && reach->limit(each).has_value();
         });
}

result<std::vector<OwnerIds>> within_reach(const Reach* reach, Scope scope, std::string_view id) {
  std::vector<OwnerIds> several;
  if (reach != nullptr && !reach->allows(scope, id)) return several;
  several.emplace_back()[static_cast<std::size_t>(scope)] = id;
  for (const Scope each : all_scopes) {
    if (reach == nullptr || each == scope || !reach->limit(each)) continue;
    const auto& ids = *reach->limit(each);
    if (ids.size() * several.size() > max_within) return errc::invalid_field;
    std::vector<OwnerIds> combined;
    for (const auto& owners : several) {
      for (const auto& limit : ids) combined.emplace_back(owners)[static_cast<std::size_t>(each)] = limit;
    }
    several = std::move(combined);
  }
  return several;
}

std::optional<Principal> principal_of(const Decision& key) {
  if (key.state != KeyState::active) return {};
  Principal principal{false,         std::string(key.permissions), {}, key.key_id, ActorKind::key, {},
                      key.expires_at};
  for (const Scope scope : all_scopes) {
    if (!key.owner(scope).empty())
      principal.reach.limits[static_cast<std::size_t>(scope)] = {key.owner(scope)};
  }
  return principal;
}

bool may(const Principal& principal, Permission permission) {
  if (principal.is_master) return true;
  if (permission == Permission::master_key) return false;
  if (has_permission(principal.permissions, to_string(permission))) return true;
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

Powers powers_of(const Decision& key) {
  return {key.permissions, {key.owners[0], key.owners[1], key.owners[2]}, key.expires_at};
}

namespace {

bool is_of_workspace(const Principal& principal, std::string_view workspace) {
  return workspace.empty() || principal.reach.is_unlimited() ||
         (principal.reach.limit(Scope::workspace) && principal.reach.allows(Scope::workspace, workspace));
}

bool outlives(UnixMs end, const Principal& principal) {
  return principal.expires_at != 0 && (end == 0 || end > principal.expires_at);
}

// Required of every operation that gives the caller a secret.
result<void> may_obtain(const Principal& principal, const Powers& key) {
  if (!may_grant(principal, key.permissions) || !principal.reach.covers(key.owners) ||
      !is_of_workspace(principal, key.owners[static_cast<std::size_t>(Scope::workspace)])) {
    return errc::forbidden;
  }
  if (outlives(key.expires_at, principal)) return errc::outlives_caller;
  return {};
}

}  // namespace

result<void> may_create(const Principal& principal, const Powers& key) { return may_obtain(principal, key); }

result<void> may_rotate(const Principal& principal, const Powers& key) { return may_obtain(principal, key); }

result<void> may_edit(const Principal& principal, std::string_view has,
                      const std::optional<std::string_view>& permissions,
                      const std::optional<UnixMs>& expires_at) {
  if (!may_grant(principal, has) || !may_grant(principal, permissions.value_or(""))) return errc::forbidden;
  if (expires_at && outlives(*expires_at, principal)) return errc::outlives_caller;
  return {};
}

result<void> may_resume(const Principal& principal, const Powers& key, Width suspended_by) {
  if (!may_grant(principal, key.permissions)) return errc::forbidden;
  if (!is_as_wide(width_of(&principal.reach), suspended_by)) return errc::suspended_by_wider;
  return {};
}

result<void> may_unlock(const Reach* reach, Width locked_by) {
  if (!is_as_wide(width_of(reach), locked_by)) return errc::locked_by_wider;
  return {};
}

}  // namespace revoked::engine
