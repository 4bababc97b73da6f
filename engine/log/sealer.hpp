#pragma once
// A thread of its own that packs what is closed, one segment after the other: at the lowest priority, for a
// quarter of the time, and not while commits come, unless much has gathered (LocalLog::comes_before_packing):
// what is synced meanwhile waits for its reads and writes. At 1,000 DELETE/s p99 went from 3 to 25 ms. What
// it fails at costs nothing but room on the disk: the log goes on, and so do its readers.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace revoked::engine {

class LocalLog;

class Sealer {
 public:
  using Tell = std::function<void(std::string_view why)>;

  // `tell` hears, on the thread, why a segment stays as it is: once, not at each try.
  Sealer(LocalLog& log, Tell tell);
  ~Sealer();  // has the one in progress given up
  Sealer(const Sealer&) = delete;
  Sealer& operator=(const Sealer&) = delete;

  // There may be something to do. It sleeps until it hears that for the first time.
  void wake();

 private:
  // Where there was no room, or the disk failed, it tries again.
  static constexpr auto pause_after_failure = std::chrono::minutes(1);

  static constexpr auto work_at_once = std::chrono::milliseconds(2);
  static constexpr int rest_for_work = 3;

  void run();
  void seal_all();
  bool rest_if_due();
  bool rest(std::chrono::steady_clock::duration least);

  LocalLog& log_;
  const Tell tell_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  std::atomic<bool> stopping_{false};
  bool failed_ = false;   // the last try: on the thread
  std::size_t done_ = 0;  // the segments up to here are packed, or stay as they are
  std::string told_;
  std::chrono::steady_clock::time_point began_;  // to work, after the last rest
  std::thread thread_;
};

}  // namespace revoked::engine
