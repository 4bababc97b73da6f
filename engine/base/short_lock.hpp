#pragma once
// A one-byte lock for critical sections of some tens of nanoseconds: a shard has thousands of them. Yields
// when the holder seems to have been preempted.

#include <atomic>
#include <thread>

namespace revoked::engine {

class ShortLock {
 public:
  void lock() {
    while (taken_.exchange(true, std::memory_order_acquire)) {
      for (int spins = 0; taken_.load(std::memory_order_relaxed); ++spins) {
        if (spins >= 64) std::this_thread::yield();
      }
    }
  }
  void unlock() { taken_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> taken_{false};
};

}  // namespace revoked::engine
