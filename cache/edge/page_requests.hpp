#pragma once
// A follower's requests for pages that are not answered yet, and when the next may be sent. One thread.
//
// Responses do not name their request, so each counts from the first open request: a response that lay in the
// socket of a stopped process must not pass for the response to a new request.

#include <chrono>

#include "cache/edge/engine_clock.hpp"
#include "engine/model/position.hpp"

namespace revoked::cache {

class PageRequests {
 public:
  struct Request {
    Monotonic at{};
    engine::Position after;
    bool is_obsolete = false;  // the follower has restarted since, or uses another engine
  };

  // An unanswered request is repeated after `timeout`.
  explicit PageRequests(std::chrono::milliseconds timeout) : timeout_(timeout) {}

  bool any() const { return open_ != 0; }
  bool may_add(Monotonic now) const { return now >= (any() ? last_at_ + timeout_ : not_before_); }

  void add(engine::Position after, Monotonic now) {
    if (!any()) first_ = {now, after};
    ++open_;
    last_at_ = now;
  }

  // Requires any(). The request to which a response, or a failure, is attributed.
  Request take() {
    --open_;
    return first_;
  }

  // The last response was of no use: pause before the next request.
  void back_off(Monotonic now) { not_before_ = now + timeout_ / 20; }

  void make_obsolete() { first_.is_obsolete = true; }

 private:
  std::chrono::milliseconds timeout_;
  unsigned open_ = 0;
  Request first_;
  Monotonic last_at_{};
  Monotonic not_before_{};
};

}  // namespace revoked::cache
