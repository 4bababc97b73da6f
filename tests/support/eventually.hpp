#pragma once
// Waiting for a condition instead of sleeping; and how much the sanitizers slow tests down.

#include <chrono>
#include <cstdlib>
#include <thread>

namespace revoked::test {

using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

// The same for the programs that a system test starts: their build may differ from that of the test.
inline bool programs_are_sanitized() { return sanitized || std::getenv("REVOKED_TEST_SANITIZED") != nullptr; }

// For the work of a thread that gets the processor only when no other thread needs it: other tests do.
inline constexpr std::chrono::seconds when_idle{180};

// Whether `condition` became true within `limit`. The limit only matters on a failure, so it is long: tests
// share a small machine.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = 20s) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    if (condition()) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
}

}  // namespace revoked::test
