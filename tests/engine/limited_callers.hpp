#pragma once
// Callers that are limited to some owners, and may change keys.

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.hpp"

namespace revoked::engine::test {

inline Principal limited_to(std::array<std::vector<std::string>, 3> owners) {
  Principal principal{false, "keys:write keys:revoke", {}, "k1", ActorKind::key};
  for (std::size_t i = 0; i < owners.size(); ++i) {
    if (!owners[i].empty()) principal.reach.limits[i] = std::move(owners[i]);
  }
  return principal;
}
inline Principal of_workspaces(std::vector<std::string> ids) {
  return limited_to({{{}, {}, std::move(ids)}});
}

inline Caller caller_of(const Principal& principal) {
  return {principal.actor, {}, {}, &principal.reach, principal.actor_kind, &principal};
}

}  // namespace revoked::engine::test
