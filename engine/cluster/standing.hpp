#pragma once
// Where this engine stands among those that share its journal: whether it leads, and until when what it
// answers is current. Written by the member's thread, read by all.
//
// Times by BootClock. Nothing that was acknowledged anywhere before `valid_until` is missing here: a
// heartbeat may say so of that time, and of no later one. Until `current_until` the engine may answer: the
// leader until its lease ends, a follower one lease after `valid_until`. An engine that takes the lead
// appends the first event of its epoch before it leads: what it has read may be lost again until that is
// durable.

#include <atomic>
#include <string>
#include <vector>

#include "engine/base/boot_clock.hpp"
#include "engine/base/mutex.hpp"
#include "engine/model/position.hpp"

namespace revoked::engine {

// For GET /v1/engines.
struct EngineShown {
  std::string url;
  std::string role;  // leader, follower
  Position position;
  std::string version;
  std::chrono::milliseconds silent_for{0};  // since it was last heard of
  bool is_this = false;
};

class Standing {
 public:
  using Time = BootClock::time_point;
  enum class Role { follower, leader };

  Role role() const { return leads_.load() ? Role::leader : Role::follower; }
  bool is_current(Time now = BootClock::now()) const { return now < current_until_.load(); }
  // Whether it may acknowledge a change.
  bool may_acknowledge(Time now = BootClock::now()) const { return leads_.load() && is_current(now); }
  // Whether it may append: as the leader, or to become it.
  bool may_append(Time now = BootClock::now()) const { return now < append_until_.load(); }
  Time valid_until() const { return valid_until_.load(); }

  // Where the leader is reached; empty: unknown, or this engine.
  std::string leader_url() const {
    const MutexLock lock(mutex_);
    return leader_url_;
  }
  std::vector<EngineShown> engines() const {
    const MutexLock lock(mutex_);
    return engines_;
  }

  // ---- by the member's thread

  void follow(std::string leader_url) {
    const MutexLock lock(mutex_);
    leader_url_ = std::move(leader_url);
  }
  void show(std::vector<EngineShown> engines) {
    const MutexLock lock(mutex_);
    engines_ = std::move(engines);
  }
  // Of a follower: it has everything from before `valid`.
  void prove(Time valid, Time current) {
    valid_until_.store(valid);
    current_until_.store(current);
  }
  void begin_epoch(Time lease_end) { append_until_.store(lease_end); }
  void lead(Time lease_end) {
    append_until_.store(lease_end);
    valid_until_.store(lease_end);
    current_until_.store(lease_end);
    leads_.store(true);
  }
  // Leads no more, and is not current.
  void step_down() {
    append_until_.store(Time{});
    current_until_.store(Time{});
    valid_until_.store(Time{});
    leads_.store(false);
  }

 private:
  std::atomic<bool> leads_{false};
  std::atomic<Time> valid_until_{Time{}};
  std::atomic<Time> current_until_{Time{}};
  std::atomic<Time> append_until_{Time{}};
  mutable Mutex<lone_level> mutex_;
  std::string leader_url_ REVOKED_GUARDED_BY(mutex_);
  std::vector<EngineShown> engines_ REVOKED_GUARDED_BY(mutex_);
};

}  // namespace revoked::engine
