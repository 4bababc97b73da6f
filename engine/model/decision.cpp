#include "engine/model/decision.hpp"

namespace revoked::engine {

std::string_view to_string(KeyState state) {
  switch (state) {
    case KeyState::unknown:
      return "unknown";
    case KeyState::active:
      return "active";
    case KeyState::locked:
      return "locked";
    case KeyState::suspended:
      return "suspended";
    case KeyState::expired:
      return "expired";
    case KeyState::revoked:
      return "revoked";
  }
  return "unknown";
}

}  // namespace revoked::engine
