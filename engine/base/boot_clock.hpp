#pragma once
// A clock that never goes back, cannot be set, and includes the time in which the machine was suspended
// (CLOCK_BOOTTIME), which std::chrono::steady_clock does not. From any thread.

#include <time.h>

#include <chrono>
#include <cstdint>

#include "engine/base/time.hpp"

namespace revoked::engine {

struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept {
    timespec at{};
    ::clock_gettime(CLOCK_BOOTTIME, &at);
    return time_point(std::chrono::seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec));
  }
};

// Milliseconds since the first call in this process; the second at another time, 0 if that was before.
std::uint64_t running_ms();
std::uint64_t running_ms_at(BootClock::time_point at);

// What the wall clock showed or will show at that time, if it is not set in between.
UnixMs wall_time_at(BootClock::time_point at);

}  // namespace revoked::engine
