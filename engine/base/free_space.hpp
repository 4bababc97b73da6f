#pragma once
// Whether the disk has room for what only grows. A disk that is full ends the engine, and with it all
// revocations: so a reserve is kept for these.
//
// A thread of its own asks, several times a second: an import fills a hundred megabytes a second. `is_low`
// from any thread.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace revoked::engine {

// What is kept free on a file system of this size unless it is said otherwise: a twentieth, but 256 MiB to
// 2 GiB, and not more than half of it. What has been accepted may be in memory yet, and what lies on the disk
// is merged there, which takes as much again for a while.
std::uint64_t usual_reserve_bytes(std::uint64_t total_bytes);

class FreeSpace {
 public:
  struct Bytes {
    std::uint64_t total = 0;
    std::uint64_t available = 0;
  };
  struct Options {
    std::function<Bytes()> ask{};     // of the file system; nothing, or empty: it is never low
    std::uint64_t reserve_bytes = 0;  // 0: the usual
  };

  explicit FreeSpace(Options options);
  ~FreeSpace();
  FreeSpace(const FreeSpace&) = delete;
  FreeSpace& operator=(const FreeSpace&) = delete;

  bool is_low() const { return low_.load(std::memory_order_relaxed); }

 private:
  void watch();
  bool look() const;

  const Options options_;
  std::atomic<bool> low_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

// Of the file system that `directory` lies on. Nothing if that cannot be found out.
FreeSpace::Bytes free_space_of(const std::string& directory);

}  // namespace revoked::engine
