#pragma once
// Whether the disk has enough free space for new data. A full disk stops the engine, and so all revocations:
// a reserve is kept for these.
//
// A thread checks several times a second, as an import writes a hundred megabytes a second. `is_low` from any
// thread.

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "engine/base/mutex.hpp"

namespace revoked::engine {

// The default reserve for a file system of this size: a twentieth, at least 256 MiB and at most 2 GiB, and at
// most half of it. Accepted data may still be in memory, and merging data on the disk temporarily takes as
// much space again.
std::uint64_t usual_reserve_bytes(std::uint64_t total_bytes);

class FreeSpace {
 public:
  struct Bytes {
    std::uint64_t total = 0;
    std::uint64_t available = 0;
  };
  struct Options {
    std::function<Bytes()> ask{};     // the file system's space; empty, or total 0: never low
    std::uint64_t reserve_bytes = 0;  // 0: the default
  };

  explicit FreeSpace(Options options);
  ~FreeSpace();
  FreeSpace(const FreeSpace&) = delete;
  FreeSpace& operator=(const FreeSpace&) = delete;

  bool is_low() const { return low_.load(std::memory_order_relaxed); }
  // As of the last check.
  Bytes bytes() const {
    return {total_.load(std::memory_order_relaxed), available_.load(std::memory_order_relaxed)};
  }
  std::uint64_t reserve_bytes() const;

 private:
  void run();
  bool is_below_reserve();

  const Options options_;
  std::atomic<std::uint64_t> total_{0};
  std::atomic<std::uint64_t> available_{0};
  std::atomic<bool> low_{false};
  Mutex<lone_level> mutex_;
  Condition changed_;
  bool stopping_ REVOKED_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// Of the file system of `directory`. Zeros if unknown.
FreeSpace::Bytes free_space_of(const std::string& directory);

}  // namespace revoked::engine
