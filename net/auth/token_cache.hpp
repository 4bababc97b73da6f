#pragma once
// Verified tokens, by SHA-256 of the whole token, so that a frequent caller does not cost a signature check
// on every request. Thread-safe: a table in shards, each with its own lock, held for one look-up. An entry is
// valid for a minute and never after its token's "exp"; only for the generation of keys that it was verified
// with; and not while the clock is before the time at which it was added.

#include <array>
#include <deque>
#include <memory>
#include <unordered_map>

#include "engine/base/digest.hpp"
#include "engine/base/keyed_hash.hpp"
#include "engine/base/mutex.hpp"
#include "net/auth/jwt_claims.hpp"

namespace revoked::net {

class TokenCache {
 public:
  static constexpr std::size_t max_entries = 10'000;  // some 300 bytes each; at most 20 KiB
  static constexpr engine::UnixMs max_age_ms = 60'000;

  // Null if there is no valid one.
  std::shared_ptr<const Claims> find(const engine::Digest& token, std::uint64_t generation,
                                     engine::UnixMs now) const;

  // Evicts the oldest entry when full.
  void put(const engine::Digest& token, std::uint64_t generation, engine::UnixMs now,
           std::shared_ptr<const Claims> claims);
  void clear();
  std::size_t size() const;

 private:
  static constexpr std::size_t shard_count = 16;
  struct Entry {
    std::shared_ptr<const Claims> claims;
    std::uint64_t generation;
    engine::UnixMs put_at;
  };
  struct Shard {
    mutable engine::Mutex<2> mutex;
    std::unordered_map<engine::Digest, Entry, engine::KeyedHash> entries REVOKED_GUARDED_BY(mutex);
    std::deque<engine::Digest> order REVOKED_GUARDED_BY(mutex);  // each entry's key once, oldest first
  };

  static std::size_t shard_of(const engine::Digest& digest) { return digest[31] % shard_count; }
  std::array<Shard, shard_count> shards_;
};

}  // namespace revoked::net
