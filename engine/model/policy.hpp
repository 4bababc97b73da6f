#pragma once
// Which caller may do what to which keys. All rules are here; deny by default. A key outside a caller's reach
// is reported as not found.

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
  master_key,  // held only by master keys; no list of permissions grants it
};
std::string_view to_string(Permission permission);

// The owners a caller may act for, in each scope in which it is limited. A key is within reach if it has one
// of these owners in every such scope.
struct Reach {
  std::array<std::optional<std::vector<std::string>>, 3> limits;  // by Scope

  const std::optional<std::vector<std::string>>& limit(Scope scope) const {
    return limits[static_cast<std::size_t>(scope)];
  }
  bool is_unlimited() const;
  bool allows(Scope scope, std::string_view owner_id) const;  // in that scope only
  template <class Owners>
  bool covers(const Owners& owners) const {  // a key's owners, by Scope; empty: none
    for (const Scope scope : all_scopes) {
      if (!allows(scope, owners[static_cast<std::size_t>(scope)])) return false;
    }
    return true;
  }
};

// How wide a reach is, as seen from a key within it: 3 bits per Scope. 0: not limited in it; otherwise the
// higher, the fewer owners it is limited to (7: one). It fits into a key's record, so no ids are stored.
using Width = std::uint16_t;
inline constexpr int width_bits = 9;
Width width_of(const Reach* reach);  // null: unlimited
// Whether `width` is as wide as `other` in every scope.
bool is_as_wide(Width width, Width other);
// The wider of both, in every scope.
Width widest_of(Width a, Width b);

// Whether a caller can touch only those of an owner's keys that also have certain other owners.
bool is_limited_elsewhere(const Reach* reach, Scope scope);

// The parts of an owner's keys within reach (null: unlimited): each result names owners, all of which a key
// has. Empty: none. errc::invalid_field: more than max_within results.
inline constexpr std::size_t max_within = 1024;
result<std::vector<OwnerIds>> within_reach(const Reach* reach, Scope scope, std::string_view id);

// What an actor's name identifies.
enum class ActorKind : std::uint8_t { unknown, master_key, key, token };
std::string_view to_string(ActorKind kind);  // empty: unknown

// The authenticated caller of a request, as `net` determined it.
struct Principal {
  bool is_master = false;
  std::string permissions;  // separated by one space
  Reach reach;
  std::string actor;  // for the audit trail: "master", a key_id, or the subject of a token
  ActorKind actor_kind = ActorKind::unknown;
  std::string issuer{};   // of a token; else empty
  UnixMs expires_at = 0;  // of the presented key; 0: never. The end of a token limits only its bearer
};

// A key as a caller: its permissions, limited to its own owners. Empty unless it is active.
std::optional<Principal> principal_of(const Decision& key);

bool may(const Principal& principal, Permission permission);

// No caller grants a permission that it does not hold. `list` is separated by one space.
bool may_grant(const Principal& principal, std::string_view list);

// What a key gives its holder: of a requested key or of an existing one.
struct Powers {
  std::string_view permissions;  // separated by one space
  std::array<std::string_view, 3> owners;
  UnixMs expires_at = 0;  // 0: never
};
Powers powers_of(const Decision& key);

// Verbs that issue a secret, reactivate a key or change its permissions. The caller must hold every
// permission of the key: errc::forbidden if not.
//
// Gateways report whose a secret is, so a caller that obtains one must belong to the key's workspace, which
// is the tenant: it is limited to that workspace, or not limited at all. Nothing made with a key outlives
// that key: errc::outlives_caller.
result<void> may_create(const Principal& principal, const Powers& key);
result<void> may_rotate(const Principal& principal, const Powers& key);
// `permissions` and `expires_at` are what the edit sets, if anything; `has` are the key's current
// permissions. A new expiry must not be later than the caller's.
result<void> may_edit(const Principal& principal, std::string_view has,
                      const std::optional<std::string_view>& permissions,
                      const std::optional<UnixMs>& expires_at);
// Also, a suspension by a wider caller is only resumed by one as wide (errc::suspended_by_wider), and a lock
// by a wider caller is only unlocked by one as wide (errc::locked_by_wider).
result<void> may_resume(const Principal& principal, const Powers& key, Width suspended_by);
result<void> may_unlock(const Reach* reach, Width locked_by);

}  // namespace revoked::engine
