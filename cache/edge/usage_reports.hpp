#pragma once
// What a gateway reports of the use of keys, and when: gathers uses from the near cache and denied attempts,
// sends them in batches of bounded size, one at a time and at most one every `min_period`. A batch without an
// answer is sent again as it was, so that the engine can tell that it has it; what happens meanwhile is for
// the next one. No sockets, no clock. One thread.

#include <chrono>
#include <functional>
#include <string>

#include "cache/edge/denied_attempts.hpp"
#include "cache/edge/log_throttle.hpp"
#include "cache/edge/near_cache.hpp"

namespace revoked::cache {

class UsageReports {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Send = std::function<void(std::string report)>;
  static constexpr std::chrono::milliseconds min_period{2000};
  static constexpr std::chrono::milliseconds max_period{30'000};  // between attempts to send
  static constexpr std::size_t entries_a_tick = 16'384;  // of the near cache: a fraction of a millisecond

  // All must outlive it.
  UsageReports(std::string gateway, NearCache& cache, DeniedAttempts& attempts, Send send, LogThrottle& log);

  // Must be called periodically; `at`: the engine's time. May send.
  void tick(Time now, engine::UnixMs at);
  // The last report was answered, or could not be sent.
  void on_result(boost::system::error_code error);
  // Sends what there is, unless a report is under way: this gateway stops.
  void leave(engine::UnixMs at);

 private:
  void gather_uses(engine::UnixMs at);
  bool make_batch();
  void send();

  NearCache& cache_;
  DeniedAttempts& attempts_;
  const Send send_;
  LogThrottle& log_;
  const std::string run_;  // of this process, at random
  engine::Usage usage_;    // the uses of the next batch; its name
  std::size_t use_bytes_ = 0;
  std::size_t next_entry_ = 0;  // of the near cache
  std::uint64_t batches_ = 0;
  std::string batch_;  // sent, and not answered yet; empty: none
  bool is_under_way_ = false;
  std::chrono::milliseconds period_ = min_period;
  Time next_{};
};

}  // namespace revoked::cache
