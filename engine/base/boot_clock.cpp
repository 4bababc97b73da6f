#include "engine/base/boot_clock.hpp"

namespace revoked::engine {

std::uint64_t running_ms() {
  static const auto since = BootClock::now();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(BootClock::now() - since).count());
}

UnixMs wall_time_at(BootClock::time_point at) {
  return now_unix_ms() + std::chrono::duration_cast<std::chrono::milliseconds>(at - BootClock::now()).count();
}

}  // namespace revoked::engine
