#pragma once
// When to probe: to request a page because of a message that proves nothing itself (unsigned, unreadable, of
// another journal). The pause between two probes doubles while they show nothing new, so that whoever sends
// such messages costs a bounded rate of pages. One thread.

#include <algorithm>
#include <chrono>
#include <optional>

#include "cache/edge/engine_clock.hpp"

namespace revoked::cache {

class ProbePace {
 public:
  static constexpr std::chrono::milliseconds least_pause{50};
  static constexpr std::chrono::milliseconds most_pause{1000};

  void want(Monotonic now) {
    if (!wanted_since_) wanted_since_ = now;
  }
  bool is_due(Monotonic now) const { return wanted_since_ && now >= not_before_; }

  // The engine has answered a request made at `requested`; `found_new`: with events that were missing.
  void on_answer(Monotonic requested, bool found_new, Monotonic now) {
    if (!wanted_since_ || requested < *wanted_since_) return;
    wanted_since_.reset();
    pause_ = found_new ? least_pause : std::min(2 * pause_, most_pause);
    not_before_ = now + pause_;
  }

 private:
  std::optional<Monotonic> wanted_since_;
  std::chrono::milliseconds pause_ = least_pause;
  Monotonic not_before_{};
};

}  // namespace revoked::cache
