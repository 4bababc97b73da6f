#pragma once
// The part of a gateway's state that any thread may read: whether the near cache may be used, the engine's
// time, the position, and counters. Written by the gateway's thread only, except `hits` and `misses`.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "cache/edge/gateway.hpp"
#include "engine/base/boot_clock.hpp"
#include "engine/base/counters.hpp"
#include "engine/base/mutex.hpp"

namespace revoked::cache {

class GatewayState {
 public:
  explicit GatewayState(std::chrono::milliseconds lease) : lease_(lease) {}

  // No look-up uses the near cache until show() says that it can be trusted. Other threads must see lost
  // trust before the cache changes, and regained trust after.
  void distrust() { trusted_.store(false); }
  void show(const Follower& follower, Monotonic now);
  // Adds the time since the last call in which it was stale. Call periodically; on the gateway's thread.
  void count_stale(Monotonic now);

  bool is_trusted() const { return trusted_.load(); }
  bool is_stale(Monotonic now) const { return now >= lease_end_.load(); }
  Gateway::Coverage coverage(Monotonic now) const {
    return is_stale(now)  ? Gateway::Coverage::stale
           : is_trusted() ? Gateway::Coverage::fresh
                          : Gateway::Coverage::repairing;
  }
  Monotonic lease_end() const { return lease_end_.load(); }
  // By the engine's clock, which decides about expiry.
  engine::UnixMs engine_time(Monotonic now) const { return to_ms(now) + engine_ahead_ms_.load(); }

  // The engine in use from now on.
  void set_engine(const std::string& url) {
    const engine::MutexLock lock(mutex_);
    engine_ = url;
  }

  // Sets the members of `status` that are kept here.
  void write_to(Gateway::Status& status, Monotonic now) const;

  std::atomic<std::size_t> watches{0};
  std::atomic<bool> redis_connected{false}, feed_connected{false};
  engine::SpreadCounter hits, misses;  // of look-ups in the near cache
  std::atomic<std::uint64_t> questions{0}, failed_questions{0}, repairs{0}, flushes{0}, invalidations{0};
  std::atomic<std::uint64_t> engine_changes{0};
  std::atomic<std::uint64_t> foreign_messages{0}, unsigned_messages{0}, unreadable_messages{0};
  engine::Counter applied_messages, known_messages, heartbeats, hints;  // of the engine's journal
  engine::Counter ticks;                                                // of the gateway's thread

 private:
  static std::int64_t to_ms(Monotonic at) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
  }

  const std::chrono::milliseconds lease_;
  std::atomic<bool> trusted_{false};
  std::atomic<Monotonic> lease_end_{Monotonic()};  // time zero: there has been no lease
  Monotonic stale_counted_until_{};                // time zero: not called yet
  std::atomic<Monotonic::duration> stale_for_{Monotonic::duration::zero()};
  // The engine's wall clock minus our monotonic clock; our own wall clock until the engine has sent its own.
  std::atomic<std::int64_t> engine_ahead_ms_{engine::now_unix_ms() - to_ms(engine::BootClock::now())};

  mutable engine::Mutex<engine::lone_level> mutex_;
  std::optional<Position> position_ REVOKED_GUARDED_BY(mutex_);
  std::string journal_ REVOKED_GUARDED_BY(mutex_);
  std::string engine_ REVOKED_GUARDED_BY(mutex_);
};

}  // namespace revoked::cache
