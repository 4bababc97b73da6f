#pragma once
// The response to POST /v1/keys/verify, as a gateway reads it. Owns its strings. Any thread.

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "engine/model/decision.hpp"

namespace revoked::cache {

using engine::Position;
using engine::UnixMs;

struct Decision {
  using State = engine::KeyState;
  State state = State::unknown;
  std::string key_id;
  std::string user;
  std::string application;
  std::string workspace;
  std::string permissions;  // separated by one space
  std::optional<UnixMs> expires_at;
  std::optional<UnixMs> locked_until;  // locked keys only; none: until unlocked
  Position as_of;                      // the decision covers all events up to here
  std::string journal;                 // of the epoch in which it was made
};
// Also malformed: `active` and `state` that disagree, and an active decision without key_id or as_of.
engine::result<Decision> decode_decision(std::string_view json);
// The response must name its secret in `secret_sha256`; another digest is malformed.
engine::result<Decision> decode_decision(std::string_view json, const engine::Digest& secret_sha256);

}  // namespace revoked::cache
