#pragma once
// Delay before the next attempt: doubles each time, with jitter so that a thousand gateways do not reconnect
// in the same millisecond.

#include <algorithm>
#include <chrono>
#include <random>

namespace revoked::cache {

class Backoff {
 public:
  static constexpr std::chrono::milliseconds shortest{50};
  static constexpr std::chrono::milliseconds longest{2000};

  Backoff() = default;
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds last) : first_(first), last_(last) {}

  // Between half of the current delay and all of it.
  std::chrono::milliseconds next() {
    const auto wait = std::uniform_int_distribution<std::int64_t>(next_.count() / 2, next_.count())(random_);
    next_ = std::min(next_ * 2, last_);
    return std::chrono::milliseconds(wait);
  }
  void reset() { next_ = first_; }

 private:
  std::chrono::milliseconds first_ = shortest;
  std::chrono::milliseconds last_ = longest;
  std::chrono::milliseconds next_ = first_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace revoked::cache
