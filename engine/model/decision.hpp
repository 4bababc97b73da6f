#pragma once
// The result of looking up a key.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.hpp"
#include "engine/model/ids.hpp"
#include "engine/model/position.hpp"
#include "engine/model/usage.hpp"

namespace revoked::engine {

// When several states apply, the later one in this order wins: a suspended key whose owner is locked is
// suspended.
enum class KeyState { unknown, active, locked, suspended, expired, revoked };
inline constexpr std::array all_key_states{KeyState::unknown,   KeyState::active,  KeyState::locked,
                                           KeyState::suspended, KeyState::expired, KeyState::revoked};
// Of a key that exists and is denied.
inline constexpr std::array denied_key_states{KeyState::locked, KeyState::suspended, KeyState::expired,
                                              KeyState::revoked};
using CountsByKeyState = std::array<std::uint64_t, all_key_states.size()>;
std::string_view to_string(KeyState state);

// Reusable: verifying into the same object again keeps its memory.
struct Decision {
  KeyState state = KeyState::unknown;
  std::string key_id;                 // this and what follows: empty if unknown
  std::array<std::string, 3> owners;  // by Scope; empty: none
  std::string_view permissions;       // separated by one space; valid as long as the engine
  UnixMs expires_at = 0;              // 0: never, or the key is revoked
  Position as_of;                     // the decision includes every event up to here
  UnixMs locked_until = 0;            // of a locked key; 0: until it is unlocked

  const std::string& owner(Scope scope) const { return owners[static_cast<std::size_t>(scope)]; }
};

struct Revocation {
  Position position;
  UnixMs at = 0;
  std::string reason;
};

// A secret of a key: the position of the event that issued it, and when it ends.
struct LivingSecret {
  Position position;
  UnixMs ends_at = 0;  // 0: never
};

// Attempts with a key while it was revoked, expired, suspended or locked, as gateways reported them.
struct UsedAfterRevocation {
  Attempts attempts;
  std::vector<std::string> gateways;  // in the order of their first report; the first of them
};

// All the engine knows about a key.
struct KeyDescription {
  Decision decision;
  std::string name;
  std::string metadata;  // a JSON object, or empty
  UnixMs expires_at = 0;
  UnixMs created_at = 0;
  Position created;
  std::vector<LivingSecret> secrets;  // newest first; empty if the key is revoked
  std::optional<Revocation> revocation;
  UnixMs recorded_at = 0;   // when this engine got the key: later than created_at if it was imported
  UnixMs last_used_at = 0;  // the start of the minute; 0: never since then
  std::optional<UsedAfterRevocation> used_after_revocation;
};

}  // namespace revoked::engine
