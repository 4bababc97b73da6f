#pragma once
// Virtual time: what happens when, at random times generated from a seed, and a trace of it.

#include <cstdint>
#include <functional>
#include <iostream>
#include <queue>
#include <random>
#include <utility>
#include <vector>

namespace revoked::simulation {

using Ms = std::int64_t;

// Faults happen until `chaos_end`. Gateways must have converged at `end`.
inline constexpr Ms chaos_end = 5000, end = 9000;
inline constexpr Ms lease = 1000, max_pause = 300, heartbeat_interval = 300, max_bus_delay = 200;
inline constexpr Ms skew = 50;  // clock skew that the follower tolerates
inline constexpr int key_count = 8;

class Schedule {
 public:
  Schedule(std::uint64_t seed, bool verbose) : random_(seed), verbose_(verbose) {}

  Ms now() const { return now_; }

  int pick(Ms from, Ms to) {
    return static_cast<int>(from + static_cast<Ms>(random_() % static_cast<std::uint64_t>(to - from + 1)));
  }
  bool chance(int percent) { return pick(0, 99) < percent; }
  std::size_t pick_index(std::size_t count) {
    return static_cast<std::size_t>(pick(0, static_cast<Ms>(count) - 1));
  }
  std::size_t pick_key() { return static_cast<std::size_t>(pick(0, key_count - 1)); }

  void at(Ms when, std::function<void()> action) { events_.push({when, order_++, std::move(action)}); }
  void after(Ms delay, std::function<void()> action) { at(now_ + delay, std::move(action)); }
  void every(Ms interval, std::function<void()> action) {
    at(now_ + interval, [this, interval, action] {
      action();
      every(interval, action);
    });
  }

  // False if nothing more happens until `last`.
  bool run_next(Ms last) {
    if (events_.empty() || events_.top().when > last) return false;
    auto event = std::move(const_cast<Event&>(events_.top()));
    events_.pop();
    now_ = event.when;
    event.action();
    return true;
  }

  template <class... Part>
  void log(const Part&... part) {
    if (!verbose_) return;
    std::cout << now_ << ' ';
    (std::cout << ... << part) << '\n';
  }

 private:
  struct Event {
    Ms when;
    std::uint64_t order;
    std::function<void()> action;
    bool operator<(const Event& other) const {
      return when != other.when ? when > other.when : order > other.order;
    }
  };

  std::mt19937_64 random_;
  bool verbose_;
  Ms now_ = 0;
  std::uint64_t order_ = 0;
  std::priority_queue<Event> events_;
};

}  // namespace revoked::simulation
