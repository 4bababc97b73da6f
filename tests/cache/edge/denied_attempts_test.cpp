#include "cache/edge/denied_attempts.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "cache/bus/usage.hpp"

namespace revoked::cache::denied_attempts_test {

using enum engine::KeyState;

constexpr std::size_t everything = std::size_t{1} << 30;

TEST(DeniedAttemptsTable, CountsByKeyWithTheNetworkOfTheLastClient) {
  DeniedAttempts attempts;
  attempts.add("k1", revoked, 10, read_address("192.0.2.7"));
  attempts.add("k2", suspended, 20, {});
  attempts.add("k1", revoked, 30, read_address("198.51.100.7"));
  const auto [uses, dropped] = attempts.take(everything);
  ASSERT_EQ(uses.size(), 2u);
  EXPECT_EQ(uses[0].key_id, "k1");
  EXPECT_EQ(uses[0].attempts, (engine::Attempts{2, 10, 30}));
  EXPECT_EQ(uses[0].address, "198.51.100.0/24");
  EXPECT_EQ(uses[1].address, "");
  EXPECT_EQ(dropped, 0u);
  EXPECT_TRUE(attempts.take(everything).uses.empty());
  const auto counts = attempts.counts();
  EXPECT_EQ(counts.by_state[static_cast<std::size_t>(revoked)], 2u);
  EXPECT_EQ(counts.by_state[static_cast<std::size_t>(suspended)], 1u);
  EXPECT_EQ(counts.all(), 3u);
}

TEST(DeniedAttemptsTable, DropsTheOldestAndSaysSoOnce) {
  DeniedAttempts attempts;
  attempts.add("first", revoked, 1, {});
  attempts.add("first", revoked, 1, {});
  for (std::size_t i = 0; i < DeniedAttempts::max_keys; ++i)
    attempts.add("k" + std::to_string(i), revoked, 2, {});
  const auto [uses, dropped] = attempts.take(everything);
  EXPECT_EQ(uses.size(), DeniedAttempts::max_keys);
  EXPECT_EQ(uses.front().key_id, "k0");
  EXPECT_EQ(dropped, 2u);
  EXPECT_EQ(attempts.take(everything).dropped, 0u);
  EXPECT_EQ(attempts.counts().dropped, 2u);
}

TEST(DeniedAttemptsTable, GivesNoMoreThanTheBytesThatAreAskedFor) {
  DeniedAttempts attempts;
  for (int i = 0; i < 1000; ++i) attempts.add("k" + std::to_string(i), revoked, 2, {});
  std::size_t taken = 0;
  for (auto part = attempts.take(8192); !part.uses.empty(); part = attempts.take(8192)) {
    engine::Usage usage;
    usage.denied = part.uses;
    EXPECT_LE(encode_usage(usage).size(), 9000u);
    taken += part.uses.size();
  }
  EXPECT_EQ(taken, 1000u);
}

TEST(DeniedAttemptsTable, CountsFromManyThreads) {
  DeniedAttempts attempts;
  std::uint64_t taken = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < 5000; ++i) attempts.add("k" + std::to_string(i % 7), revoked, i, {});
      });
    }
    for (int i = 0; i < 50; ++i) {
      for (const auto& use : attempts.take(everything).uses) taken += use.attempts.count;
    }
  }
  for (const auto& use : attempts.take(everything).uses) taken += use.attempts.count;
  EXPECT_EQ(taken, 20'000u);
}

}  // namespace revoked::cache::denied_attempts_test
