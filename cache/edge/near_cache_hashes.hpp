#pragma once
// The ids in decisions and events as hashes, by which the near cache's records of events find them.

#include <array>
#include <cstdint>
#include <string_view>

#include "cache/bus/message.hpp"
#include "cache/edge/cached_decision.hpp"
#include "engine/base/keyed_hash.hpp"

namespace revoked::cache {

// By Scope; 0: none.
using OwnerHashes = std::array<std::uint64_t, 3>;

inline std::uint64_t hash_key(std::string_view key_id) { return engine::keyed_hash(key_id, 4); }
OwnerHashes hash_owners(const Ids& ids);
// Of several owners together; 0 for owners that are not part of them.
std::uint64_t hash_together(const OwnerHashes& owners);

struct IdHashes {
  explicit IdHashes(const Ids& ids) : key(hash_key(ids[0])), owners(hash_owners(ids)) {}

  std::uint64_t key;
  OwnerHashes owners;
};

// What an event of an owner, possibly within others, is about. `rarest` is the owner by which entries notice
// it. Any of several owners would do, since the entries concerned have them all; the first is the one that
// fewest other entries have.
struct EventOwners {
  explicit EventOwners(const Invalidation& event);

  OwnerHashes owners;  // 0: any
  std::uint64_t mark;  // of the owner, or of the owners together
  std::uint64_t rarest;
  bool is_joint;  // several owners
};

}  // namespace revoked::cache
