#pragma once
// Of several engines that share a journal: how far the one in use is behind what the follower knows. Each
// reads the journal by itself, so one may be behind for a moment. One thread.
//
// An engine that is behind proves nothing. Once it has reached what was known when that was found, it proves
// what it would have proved then: so the lease of a gateway whose engine is always a little behind the bus
// goes on, while that of one whose engine has stopped ends.

#include <chrono>
#include <optional>
#include <utility>

#include "cache/edge/engine_clock.hpp"
#include "engine/model/position.hpp"

namespace revoked::cache {

class EngineLag {
 public:
  // After `timeout` what no engine has reached counts as never durable; after a tenth of it another engine
  // should be tried.
  explicit EngineLag(std::chrono::milliseconds timeout) : timeout_(timeout) {}

  // The engine is at `shown`, before `known`. Returns the time of the earlier call whose `known` it has
  // reached meanwhile, if there was one.
  std::optional<Monotonic> on_behind(engine::Position shown, engine::Position known, Monotonic now) {
    const bool has_reached = found_ && shown.epoch == known.epoch && shown >= found_->known;
    if (found_ && !has_reached) return {};
    const auto before = std::exchange(found_, Found{known, now, now});
    return before ? std::optional(before->at) : std::nullopt;
  }

  // The engine has reached all that is known, or it is no longer known.
  void on_reached() { found_.reset(); }
  // Another engine has, so it is durable.
  void on_reached_elsewhere(Monotonic now) {
    if (found_) found_->disputed_since = now;
  }

  // By the answer to a request that was made at `requested`.
  bool is_lasting(Monotonic requested) const { return found_ && found_->at + timeout_ / 10 <= requested; }
  bool is_over(Monotonic requested) const { return found_ && found_->disputed_since + timeout_ <= requested; }

 private:
  struct Found {
    engine::Position known;
    Monotonic at;
    Monotonic disputed_since;
  };

  std::chrono::milliseconds timeout_;
  std::optional<Found> found_;
};

}  // namespace revoked::cache
