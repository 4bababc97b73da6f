#pragma once
// Writes log lines to a descriptor on a thread of its own, so that no other thread waits for whoever reads
// them. While nobody does, lines are queued up to a limit, then dropped and counted; the count is logged once
// lines are read again. Lines are written whole, in the order in which they were pushed.

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>

#include "net/http/log_ring.hpp"

namespace revoked::net {

class LogWriter {
 public:
  static constexpr std::size_t queue_bytes = 1 << 20;
  static constexpr std::chrono::seconds last_wait{1};

  explicit LogWriter(int descriptor, std::size_t bytes = queue_bytes);
  // Writes what is queued, but waits for a reader at most `last_wait`.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // From any thread: a record of log_record.hpp.
  void push(std::string_view record);
  // From any thread: waits until what was pushed before is written. False: that takes longer than `limit`.
  bool flush(std::chrono::milliseconds limit);

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  bool gather();
  void write_lines();
  bool wait_for_reader();
  void rest();
  void wake();

  const int descriptor_;
  const std::size_t piece_bytes_;  // of one write
  LogRing ring_;
  std::atomic<std::uint64_t> written_{0};  // as LogRing::pushed()
  std::atomic<int> rests_{0};              // 1: the thread waits for a record
  std::atomic<bool> stops_{false};
  // The thread's own.
  std::string lines_;
  Clock::time_point stop_until_{};
  std::thread thread_;
};

}  // namespace revoked::net
