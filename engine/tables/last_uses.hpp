#pragma once
// The minute in which each key was last used, by the slot of its secret in the key table: 4 bytes a key, and
// nothing before the first use. Not a projection: what was not saved (usage_file.hpp) is lost with the
// process.
//
// Any thread, without a lock, except that the memory grows.

#include <atomic>

#include "engine/base/slab.hpp"
#include "engine/model/usage.hpp"

namespace revoked::engine {

class LastUses {
 public:
  // 0: none is known. A slot that was reused for another key may still have the old one's: whoever knows when
  // the key was created ignores what is earlier.
  Minute of(Slot slot) const {
    return slot < words_.size() ? words_[slot].load(std::memory_order_relaxed) : Minute{0};
  }
  // Writes once a minute and key; otherwise only reads.
  void note(Slot slot, Minute minute) {
    if (slot >= words_.size()) [[unlikely]]
      grow(slot);
    auto& word = words_[slot];
    auto known = word.load(std::memory_order_relaxed);
    while (known < minute) {
      if (!word.compare_exchange_weak(known, minute, std::memory_order_relaxed)) continue;
      if (!has_changed_.load(std::memory_order_relaxed)) has_changed_.store(true, std::memory_order_relaxed);
      return;
    }
  }
  // Whether anything changed since the last call.
  bool take_changed() { return has_changed_.exchange(false, std::memory_order_relaxed); }

 private:
  void grow(Slot slot);

  Slab<std::atomic<Minute>> words_;
  std::atomic<bool> has_changed_{false};
  Mutex<3> growing_;
};

}  // namespace revoked::engine
