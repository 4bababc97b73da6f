#pragma once
// What a look-up of a key answers.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.hpp"
#include "engine/model/ids.hpp"
#include "engine/model/position.hpp"

namespace revoked::engine {

// Of several that a key could be in, the last one: a key that is suspended, and locked with its owner, is
// suspended.
enum class KeyState { unknown, active, locked, suspended, expired, revoked };
inline constexpr std::array all_key_states{KeyState::unknown,   KeyState::active,  KeyState::locked,
                                           KeyState::suspended, KeyState::expired, KeyState::revoked};
std::string_view to_string(KeyState state);

// Reusable: verifying into the same object again keeps its memory.
struct Decision {
  KeyState state = KeyState::unknown;
  std::string key_id;                 // this and the rest: empty if unknown
  std::array<std::string, 3> owners;  // by Scope; empty: none
  std::string_view permissions;       // separated by one space; lives as long as the engine
  UnixMs expires_at = 0;              // 0: never, or no longer of interest since the key is revoked
  Position as_of;                     // the decision holds for everything up to here
  UnixMs locked_until = 0;            // of a locked key; 0: until it is unlocked

  const std::string& owner(Scope scope) const { return owners[static_cast<std::size_t>(scope)]; }
};

struct Revocation {
  Position position;
  UnixMs at = 0;
  std::string reason;
};

// A secret that a key has: where it got it, and when that ends.
struct LivingSecret {
  Position position;
  UnixMs ends_at = 0;  // 0: never
};

// Everything we know about a key.
struct KeyDescription {
  Decision decision;
  std::string name;
  std::string metadata;  // a JSON object, or empty
  UnixMs expires_at = 0;
  UnixMs created_at = 0;
  Position created;
  std::vector<LivingSecret> secrets;  // newest first; none of one that is revoked
  std::optional<Revocation> revocation;
};

}  // namespace revoked::engine
