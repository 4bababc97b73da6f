#pragma once
// A thread that packs closed segments one after the other: at the lowest priority, for a quarter of the time,
// and not while there are commits, unless many segments wait (LocalLog::must_packing_wait), because syncs
// wait for its reads and writes: at 1,000 DELETE/s p99 rose from 3 to 25 ms. A failure costs only disk space:
// the log and its readers are not affected.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "engine/base/mutex.hpp"

namespace revoked::engine {

class LocalLog;

class BackgroundPacker {
 public:
  using Report = std::function<void(std::string_view why)>;

  // `report` is called, on the thread, with the reason why a segment is not packed: once, not at each retry.
  BackgroundPacker(LocalLog& log, Report report);
  ~BackgroundPacker();  // cancels the one in progress
  BackgroundPacker(const BackgroundPacker&) = delete;
  BackgroundPacker& operator=(const BackgroundPacker&) = delete;

  // Notifies the thread that a segment may have been closed. It sleeps until the first call.
  void wake();

 private:
  // It retries if there was not enough space, or the disk failed.
  static constexpr auto pause_after_failure = std::chrono::minutes(1);

  static constexpr auto work_at_once = std::chrono::milliseconds(2);
  static constexpr int rest_for_work = 3;

  void run();
  void pack_all();
  bool rest_if_due();
  bool rest(std::chrono::steady_clock::duration least);

  LocalLog& log_;
  const Report report_;
  Mutex<1> mutex_;
  Condition changed_;
  bool woken_ REVOKED_GUARDED_BY(mutex_) = false;
  std::atomic<bool> stopping_{false};
  bool failed_ = false;   // the last try; used on the thread
  std::size_t done_ = 0;  // the segments up to here are packed or skipped
  std::string reported_;
  std::chrono::steady_clock::time_point began_;  // when work began after the last rest
  std::thread thread_;
};

}  // namespace revoked::engine
