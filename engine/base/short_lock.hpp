#pragma once
// A one-byte lock for critical sections of some tens of nanoseconds: a shard has thousands of them. Yields
// when the holder seems to have been preempted. `level` as of Mutex.

#include <atomic>
#include <thread>

#include "engine/base/mutex.hpp"

namespace revoked::engine {

template <unsigned level>
class REVOKED_CAPABILITY ShortLock {
 public:
  void lock() REVOKED_ACQUIRE() {
    HeldLevels::add(level);
    while (taken_.exchange(true, std::memory_order_acquire)) {
      for (int spins = 0; taken_.load(std::memory_order_relaxed); ++spins) {
        if (spins >= 64) std::this_thread::yield();
      }
    }
  }
  void unlock() REVOKED_RELEASE() {
    HeldLevels::remove(level);
    taken_.store(false, std::memory_order_release);
  }

 private:
  std::atomic<bool> taken_{false};
};

}  // namespace revoked::engine
