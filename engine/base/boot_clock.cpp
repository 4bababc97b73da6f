#include "engine/base/boot_clock.hpp"

namespace revoked::engine {

std::uint64_t running_ms() { return running_ms_at(BootClock::now()); }

std::uint64_t running_ms_at(BootClock::time_point at) {
  static const auto since = BootClock::now();
  if (at < since) return 0;
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(at - since).count());
}

UnixMs wall_time_at(BootClock::time_point at) {
  return now_unix_ms() + std::chrono::duration_cast<std::chrono::milliseconds>(at - BootClock::now()).count();
}

}  // namespace revoked::engine
