#pragma once
// Who may do what to which keys. One place; deny by default. What lies outside a caller's reach looks to it
// as if it were not there.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/model/decision.hpp"
#include "engine/model/event.hpp"

namespace revoked::engine {

enum class Permission {
  keys_create,
  keys_read,
  keys_verify,
  keys_write,
  keys_revoke,
  audit_read,
  gateways_read,
  gateway,     // includes keys_verify
  master_key,  // what no list of permissions gives: a master key alone has it
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

// How wide a reach is, as seen from a key that lies in it: 3 bits for each scope, by Scope. 0: not limited in
// it; else the more, the fewer owners it is limited to (7: to one). So it fits into a key's record, and ids
// need not be kept.
using Width = std::uint16_t;
inline constexpr int width_bits = 9;
Width width_of(const Reach* reach);  // null: everything
// Whether `width` is as wide as `other` in every scope.
bool is_as_wide(Width width, Width other);
// As wide as both, in every scope.
Width widest_of(Width a, Width b);

// Whether a caller who can touch an owner's keys can touch only those that have other owners as well.
bool is_limited_elsewhere(const Reach* reach, Scope scope);

// Which of an owner's keys are within reach (null: everything): those that have all the owners of one of
// these. Nothing: none. errc::invalid_field: they would be too many.
inline constexpr std::size_t max_within = 1024;
result<std::vector<OwnerIds>> within_reach(const Reach* reach, Scope scope, std::string_view id);

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
  std::string issuer{};   // of a token; else empty
  UnixMs expires_at = 0;  // of the key that was presented; 0: never. A token's end bounds its bearer alone
};

// A key of ours as a caller: its permissions, limited to its own owners. Nothing unless it is active.
std::optional<Principal> principal_of(const Decision& key);

bool may(const Principal& principal, Permission permission);

// Nobody grants a permission that they do not hold. `list` is separated by one space.
bool may_grant(const Principal& principal, std::string_view list);

// What its holder has of a key: asked for, or that of a key there is.
struct Powers {
  std::string_view permissions;  // separated by one space
  std::array<std::string_view, 3> owners;
  UnixMs expires_at = 0;  // 0: never
};
Powers powers_of(const Decision& key);

// Verbs that give somebody a key, or one back its life, or change what it may: whoever does that holds all
// that the key holds.
// errc::forbidden if not.
//
// A secret says at every gateway whose it is, so whoever comes by one must be of its workspace, which is the
// tenant: only a caller who is limited to that workspace, or in nothing, names it. And nothing that a key
// gives rise to outlives it: errc::outlives_caller.
result<void> may_create(const Principal& principal, const Powers& key);
result<void> may_rotate(const Principal& principal, const Powers& key);
// `permissions` and `expires_at` are what the edit sets, if it does; `has` are the key's permissions so far.
// The key's life is as long as before or ends with the caller at the latest.
result<void> may_edit(const Principal& principal, std::string_view has,
                      const std::optional<std::string_view>& permissions,
                      const std::optional<UnixMs>& expires_at);
// Besides, what a wider caller has suspended only one as wide brings back: errc::suspended_by_wider. And what
// one has locked only one as wide unlocks: errc::locked_by_wider.
result<void> may_resume(const Principal& principal, const Powers& key, Width suspended_by);
result<void> may_unlock(const Reach* reach, Width locked_by);

}  // namespace revoked::engine
