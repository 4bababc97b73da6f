#pragma once
// Which slots of the near cache are in use, and which one is given up when all are: the first not used since
// the clock's hand last passed it. One thread at a time.

#include <cstddef>
#include <vector>

#include "cache/edge/near_cache_index.hpp"

namespace revoked::cache {

class NearCacheSlots {
 public:
  using Slot = NearCacheIndex::Slot;

  explicit NearCacheSlots(std::size_t count) : count_(count) {}

  // A free slot, or `none` if all are in use.
  Slot take() {
    if (!free_.empty()) {
      const auto slot = free_.back();
      free_.pop_back();
      return slot;
    }
    return taken_ < count_ ? static_cast<Slot>(taken_++) : NearCacheIndex::none;
  }
  void give_back(Slot slot) { free_.push_back(slot); }

  // The slot to give up if all are in use. `take_used(slot)`: whether it was used since the last call for it.
  template <class TakeUsed>
  Slot next_to_evict(TakeUsed&& take_used) {
    while (take_used(static_cast<Slot>(clock_hand_))) advance();
    const auto slot = static_cast<Slot>(clock_hand_);
    advance();
    return slot;
  }

  std::size_t taken() const { return taken_; }
  std::size_t in_use() const { return taken_ - free_.size(); }
  void clear() {
    free_.clear();
    taken_ = clock_hand_ = 0;
  }

 private:
  void advance() { clock_hand_ = (clock_hand_ + 1) % count_; }

  const std::size_t count_;
  std::vector<Slot> free_;
  std::size_t taken_ = 0;  // slots in use at some time since the last clear()
  std::size_t clock_hand_ = 0;
};

}  // namespace revoked::cache
