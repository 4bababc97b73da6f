#pragma once
// The engine's clocks, seen from ours: when its running time (`up` in messages and pages) had a value, and
// what its wall clock shows. One thread.
//
// Of several engines each has its own, named by the member `clock`: a message may come from another engine
// than the pages, and then shows nothing here. Where no clock is named there is one engine.
//
// A page relates the clocks: it was requested before the engine sent it at its `up`. So a message was sent at
// `requested + (its up - the page's up)` or later (docs/protocol.md, rule 7).

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cache/bus/message.hpp"
#include "engine/base/boot_clock.hpp"

namespace revoked::cache {

using Monotonic = engine::BootClock::time_point;

class EngineClock {
 public:
  // Upper limit accepted for `up`: sums of such times, in nanoseconds, must not overflow.
  static constexpr std::uint64_t max_up =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::years(100)).count();
  // Maximum drift of two clocks while a relation is valid, plus a margin.
  static constexpr std::chrono::milliseconds max_skew{50};

  // The engine has restarted, or is another one.
  void reset() {
    clock_.reset();
    relation_.reset();
    newest_up_ = 0;
  }

  // Whether it is the clock of the last page; without a page, that of the first message.
  bool is(std::string_view clock) const { return clock_ && *clock_ == clock; }
  bool may_be(std::string_view clock) const { return !clock_ || *clock_ == clock; }

  // A page requested at `requested` was sent at `up` of `clock`, when the engine's wall clock showed `wall`.
  void relate(Monotonic requested, std::string_view clock, std::uint64_t up, std::optional<UnixMs> wall,
              Monotonic now);

  // A message was sent at `up` of `clock`, when the wall clock showed `wall`. False if it is of another
  // clock, or not newer than all messages and pages before it.
  bool note(std::string_view clock, std::uint64_t up, UnixMs wall) {
    if (!clock_) clock_ = clock;
    if (*clock_ != clock) return false;
    const bool is_newest = up > newest_up_;
    if (up >= newest_up_) {
      newest_up_ = up;
      wall_at_zero_ = wall - static_cast<UnixMs>(up);
    }
    return is_newest;
  }

  // Lower bound of our time at `up` of `clock`. Empty without a recent relation to that clock.
  std::optional<Monotonic> time_at(std::string_view clock, std::uint64_t up, Monotonic now) const;

  // The clocks should be related again before they have drifted too far.
  bool is_relation_due(Monotonic now) const;

  // Upper bound of the engine's wall clock. Empty before a relation.
  std::optional<UnixMs> wall_time(Monotonic now) const;

 private:
  // The engine's clock showed `up` when ours showed `requested` or later.
  struct Relation {
    Monotonic requested;
    std::uint64_t up;
    Monotonic::duration bound() const { return requested.time_since_epoch() - std::chrono::milliseconds(up); }
  };

  std::optional<std::string> clock_;
  std::optional<Relation> relation_;
  std::uint64_t newest_up_ = 0;
  UnixMs wall_at_zero_ = 0;  // the wall clock at `up` = 0, extrapolated
};

}  // namespace revoked::cache
