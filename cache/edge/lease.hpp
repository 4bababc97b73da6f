#pragma once
// How long cached decisions may be served: for its length after the last proof that nothing is missing. After
// an event that makes older proofs unreliable, only a page that is requested later counts. One thread.

#include <algorithm>
#include <chrono>
#include <optional>

#include "cache/edge/engine_clock.hpp"

namespace revoked::cache {

class Lease {
 public:
  explicit Lease(std::chrono::milliseconds length) : length_(length) {}

  Monotonic end() const { return end_; }
  bool is_over(Monotonic now) const { return now >= end_; }
  bool is_ending(Monotonic now) const { return now >= end_ - length_ / 3; }

  // Only a page requested from now on ends this.
  void require_page(Monotonic now) { page_required_since_ = now; }
  bool requires_page() const { return page_required_since_.has_value(); }

  // Nothing that the engine had published at `as_of` is missing.
  void extend(Monotonic as_of) { end_ = std::max(end_, as_of + length_); }

  // The same, shown by a page that was requested at `requested`.
  void confirm(Monotonic requested, Monotonic as_of, Monotonic now) {
    extend(as_of);
    if (page_required_since_ && requested >= *page_required_since_) page_required_since_.reset();
    if (is_over(now) && !page_required_since_) require_page(now);
  }

 private:
  std::chrono::milliseconds length_;
  Monotonic end_{};
  std::optional<Monotonic> page_required_since_;
};

}  // namespace revoked::cache
