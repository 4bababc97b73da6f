#pragma once
// Waiting for a condition instead of sleeping and hoping; and how much the sanitizers slow us down.

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

// The same of the programs that a system test starts: they may be built otherwise than the test.
inline bool programs_are_sanitized() { return sanitized || std::getenv("REVOKED_TEST_SANITIZED") != nullptr; }

// For what a thread does that has the processor only while nobody else wants it: other tests do.
inline constexpr std::chrono::seconds when_idle{180};

// Whether `condition` became true within `limit`. The limit only matters when something is wrong, so it is
// generous: tests share a small machine with each other.
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
