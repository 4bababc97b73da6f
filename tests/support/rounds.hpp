#pragma once
// How much a test that draws its cases does, and which.

#include <cstdlib>
#include <random>

namespace revoked::test {

inline unsigned number_from_environment(const char* name, unsigned otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

// So many times as much as usual.
inline unsigned test_rounds() { return number_from_environment("REVOKED_TEST_ROUNDS", 1); }
// Another one each time; or the one that a failure has shown.
inline unsigned test_seed() { return number_from_environment("REVOKED_TEST_SEED", std::random_device{}()); }

}  // namespace revoked::test
