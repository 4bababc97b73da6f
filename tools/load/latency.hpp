#pragma once
// A histogram of durations with an error below 1 % at any size: each power of two has 128 steps. Not
// thread-safe.

#include <array>
#include <chrono>
#include <cstdint>

namespace revoked::load {

class Latency {
 public:
  void record(std::chrono::nanoseconds duration);

  std::uint64_t count() const { return count_; }
  // The duration not exceeded by `share` (0 to 1) of all, in microseconds; 0 if empty.
  double quantile_us(double share) const;
  double largest_us() const { return static_cast<double>(largest_ns_) / 1e3; }

 private:
  static constexpr unsigned step_bits = 7;
  static constexpr std::uint64_t steps = 1u << step_bits;
  static constexpr unsigned powers = 40;  // up to 2^46 ns, 19 hours

  static std::size_t slot_of(std::uint64_t ns);
  static std::uint64_t upper_end_of(std::size_t slot);

  std::array<std::uint64_t, powers * steps> slots_{};
  std::uint64_t count_ = 0;
  std::uint64_t largest_ns_ = 0;
};

}  // namespace revoked::load
