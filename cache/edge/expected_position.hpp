#pragma once
// Positions that the engine's answers to questions have shown. The message that covers one may still be in
// flight; if it does not arrive in time, it is missing. One thread.

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "cache/edge/engine_clock.hpp"
#include "engine/model/position.hpp"

namespace revoked::cache {

class ExpectedPosition {
 public:
  static constexpr std::chrono::milliseconds message_delay{100};

  // `reached`: the follower's own position.
  void note(engine::Position shown, engine::Position reached, Monotonic now) {
    if (shown <= reached) return;
    if (expected_) {
      next_ = std::max(next_, shown);
      return;
    }
    expected_ = shown;
    since_ = now;
  }

  // The position that should have been reached by now, once.
  std::optional<engine::Position> take_overdue(engine::Position reached, Monotonic now) {
    if (!expected_) return {};
    const bool is_reached = *expected_ <= reached;
    if (!is_reached && now - since_ < message_delay) return {};
    const auto overdue = std::exchange(expected_, std::nullopt);
    note(std::exchange(next_, {}), reached, now);
    return is_reached ? std::nullopt : overdue;
  }

 private:
  std::optional<engine::Position> expected_;
  Monotonic since_{};
  engine::Position next_;  // the highest shown since
};

}  // namespace revoked::cache
