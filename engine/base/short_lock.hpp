#pragma once
// A lock for critical sections of some tens of nanoseconds, one byte in size: a shard has thousands of them.
// Gives the core away when the holder seems to have lost its own.

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
