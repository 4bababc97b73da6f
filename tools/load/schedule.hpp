#pragma once
// Due times of an open loop: evenly spaced, `rate` a second, for `seconds`.

#include <cstdint>

#include "tools/load/socket.hpp"

namespace revoked::load {

class Schedule {
 public:
  Schedule(double rate, double seconds, Clock::time_point start)
      : start_(start), gap_ns_(1e9 / rate), total_(static_cast<std::uint64_t>(rate * seconds)) {}

  bool is_over() const { return next_ == total_; }
  // Due time of the next request; time_point::max() if there is none.
  Clock::time_point next() const { return is_over() ? Clock::time_point::max() : due(next_); }
  bool is_due(Clock::time_point now) const { return !is_over() && due(next_) <= now; }
  std::uint64_t take() { return next_++; }

 private:
  Clock::time_point due(std::uint64_t number) const {
    return start_ +
           std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(number) * gap_ns_));
  }

  Clock::time_point start_;
  double gap_ns_;
  std::uint64_t total_;
  std::uint64_t next_ = 0;
};

}  // namespace revoked::load
