#include "engine/base/boot_clock.hpp"

namespace revoked::engine {

std::uint64_t running_ms() {
  static const auto since = BootClock::now();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(BootClock::now() - since).count());
}

}  // namespace revoked::engine
