#include "engine/tables/forgotten_filter.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace revoked::engine::forgotten_filter_test {

std::string name(int i) { return "key " + std::to_string(i); }

// The proportion of false positives.
double false_positives(const ForgottenFilter& filter) {
  constexpr int asked = 200'000;
  int found = 0;
  for (int i = 0; i < asked; ++i) found += filter.may_have(Forgotten::id, "another " + std::to_string(i));
  return static_cast<double>(found) / asked;
}

TEST(ForgottenFilter, KnowsWhatWasAddedAndLittleElse) {
  ForgottenFilter filter;
  EXPECT_FALSE(filter.may_have(Forgotten::id, name(0)));
  EXPECT_EQ(filter.memory_bytes(), 0u);
  constexpr int added = 3'000'000;
  for (int i = 0; i < added; ++i) filter.add(Forgotten::id, name(i));
  for (int i = 0; i < added; ++i) ASSERT_TRUE(filter.may_have(Forgotten::id, name(i)));
  const auto bits = 8.0 * static_cast<double>(filter.memory_bytes()) / added;
  std::printf("%.1f bits an entry, %.2f %% false positives\n", bits, 100 * false_positives(filter));
  EXPECT_LE(bits, 24);
  EXPECT_LT(false_positives(filter), 0.03);
}

TEST(ForgottenFilter, AnIdIsNoSecret) {
  ForgottenFilter filter;
  for (int i = 0; i < 1000; ++i) filter.add(Forgotten::id, name(i));
  int found = 0;
  for (int i = 0; i < 1000; ++i) found += filter.may_have(Forgotten::secret, name(i));
  EXPECT_LT(found, 50);
}

TEST(ForgottenFilter, ComesBackFromACheckpointAndGoesOn) {
  ForgottenFilter filter;
  for (int i = 0; i < 1'000'000; ++i) filter.add(Forgotten::id, name(i));
  const auto header = filter.header();
  std::string bytes;
  filter.for_each_layer(header.layers, [&](std::string_view piece) { bytes.append(piece); });
  ForgottenFilter other;
  ASSERT_TRUE(other.restore(header));
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < header.layers; ++i) {
    const auto layer = other.layer(i);
    std::memcpy(layer.data(), bytes.data() + at, layer.size());
    at += layer.size();
  }
  EXPECT_EQ(at, bytes.size());
  for (int i = 0; i < 1'000'000; ++i) ASSERT_TRUE(other.may_have(Forgotten::id, name(i)));
  EXPECT_EQ(other.header().entries, header.entries);
  EXPECT_LT(false_positives(other), 0.03);
}

TEST(ForgottenFilter, HeadersOfNonsenseAreRefused) {
  ForgottenFilter filter;
  EXPECT_FALSE(filter.restore({1, 1000, 0}));
}

}  // namespace revoked::engine::forgotten_filter_test
