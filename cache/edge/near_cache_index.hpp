#pragma once
// An index of fixed size over SlotBuckets, whose rules on threads hold here: 8 bytes a slot.

#include <cstddef>
#include <cstdint>

#include "engine/base/huge_pages.hpp"
#include "engine/base/slot_buckets.hpp"

namespace revoked::cache {

class NearCacheIndex {
 public:
  using Slot = engine::Slot;
  static constexpr Slot none = engine::no_slot;

  explicit NearCacheIndex(std::size_t max_slots);

  template <class Accepts>
  Slot find(std::uint64_t hash, Accepts&& accepts) const {
    return in_.find(hash, accepts);
  }
  // At most `max_slots`, and each only once under the same hash.
  void insert(std::uint64_t hash, Slot slot) { in_.insert(hash, slot); }
  void erase(std::uint64_t hash, Slot slot) { in_.erase(hash, slot); }
  void clear();

  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&in_.home_of(hash)); }
  std::size_t memory_bytes() const { return pages_.size_bytes(); }  // for tests

 private:
  engine::HugePages pages_;
  engine::SlotBuckets in_;
};

}  // namespace revoked::cache
