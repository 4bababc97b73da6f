#pragma once
// Who may do what to which keys. One place; deny by default. What lies outside a caller's reach looks to it
// as if it were not there.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/decision.hpp"

namespace revoked::engine {

enum class Permission {
  keys_create,
  keys_read,
  keys_verify,
  keys_write,
  keys_revoke,
  audit_read,
  gateways_read,
  gateway,  // includes keys_verify
};
std::string_view to_string(Permission permission);

// The owners that a caller may act for, in each scope that it is limited in. A key is within reach if it has
// one of these owners in every such scope.
struct Reach {
  std::array<std::optional<std::vector<std::string>>, 3> limits;  // by Scope

  const std::optional<std::vector<std::string>>& limit(Scope scope) const {
    return limits[static_cast<std::size_t>(scope)];
  }
  bool is_unlimited() const;
  bool allows(Scope scope, std::string_view owner_id) const;  // in that scope alone
  template <class Owners>
  bool covers(const Owners& owners) const {  // a key's owners, by Scope; empty: none
    for (const Scope scope : all_scopes) {
      if (!allows(scope, owners[static_cast<std::size_t>(scope)])) return false;
    }
    return true;
  }
};

// What an actor's name is the name of.
enum class ActorKind : std::uint8_t { unknown, master_key, key, token };
std::string_view to_string(ActorKind kind);  // empty: not known

// Who makes a request, as `net` has found out.
struct Principal {
  bool is_master = false;
  std::string permissions;  // separated by one space
  Reach reach;
  std::string actor;  // for the audit trail: "master", a key_id, or the subject of a token
  ActorKind actor_kind = ActorKind::unknown;
};

// A key of ours as a caller: its permissions, limited to its own owners. Nothing unless it is active.
std::optional<Principal> principal_of(const Decision& key);

bool may(const Principal& principal, Permission permission);

// Nobody grants a permission that they do not hold. `list` is separated by one space.
bool may_grant(const Principal& principal, std::string_view list);

}  // namespace revoked::engine
