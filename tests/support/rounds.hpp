#pragma once
// How many random cases a test runs, and which.

#include <cstdlib>
#include <random>

namespace revoked::test {

inline unsigned number_from_environment(const char* name, unsigned otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

// The multiple of the usual number.
inline unsigned test_rounds() { return number_from_environment("REVOKED_TEST_ROUNDS", 1); }
// Whether it was given: then tests that take minutes run as well, and every case instead of a sample.
inline bool tests_everything() { return std::getenv("REVOKED_TEST_ROUNDS") != nullptr; }
// A new one for each run; or the one given, to repeat a failure.
inline unsigned test_seed() { return number_from_environment("REVOKED_TEST_SEED", std::random_device{}()); }

}  // namespace revoked::test
