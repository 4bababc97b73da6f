#include "cache/edge/teller.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace revoked::cache::teller_test {

using namespace std::chrono_literals;

struct TellerTest : testing::Test {
  std::vector<std::string> lines;
  Teller teller{[this](std::string_view source, std::string_view what) {
    lines.push_back(std::string(source) + ": " + std::string(what));
  }};
  Teller::Time now{};
};

TEST_F(TellerTest, TellsTheSameOnce) {
  for (const auto* what : {"up", "up", "down", "down", "up"}) teller.tell("redis", what, now);
  teller.tell("feed", "up", now);
  EXPECT_EQ(lines, (std::vector<std::string>{"redis: up", "redis: down", "redis: up", "feed: up"}));
}

TEST_F(TellerTest, TellsItAgainOnceForgotten) {
  teller.tell("engine", "away", now);
  teller.forget("engine");
  teller.tell("engine", "away", now);
  EXPECT_EQ(lines.size(), 2);
}

TEST_F(TellerTest, BoundsTheLinesAndCountsTheRest) {
  for (int i = 0; i < 3000; ++i) {
    teller.tell("follower", "restarts at " + std::to_string(i), now);
    if (i % 3 == 0) teller.forget("follower");
  }
  teller.tell("redis", "connected", now);
  ASSERT_EQ(lines.size(), Teller::burst + 1) << "each source has its own lines";
  teller.tick(now + Teller::pause);
  ASSERT_EQ(lines.size(), Teller::burst + 2);
  EXPECT_EQ(lines.back(),
            "follower: restarts at 2999 (and " + std::to_string(2999 - Teller::burst) + " before it)");
  teller.tick(now + 100 * Teller::pause);
  EXPECT_EQ(lines.size(), Teller::burst + 2) << "nothing is left to log";
}

TEST_F(TellerTest, BoundsThemWhenTwoThingsAlternate) {
  for (int second = 0; second < 600; ++second, now += 1s) {
    for (int i = 0; i < 100; ++i) teller.tell("engine", i % 2 == 0 ? "away" : "refused", now);
    teller.tick(now);
  }
  EXPECT_LE(lines.size(), Teller::burst + 600s / Teller::pause + 1);
  EXPECT_GE(lines.size(), 600s / Teller::pause);
}

TEST_F(TellerTest, BoundsTheirLength) {
  teller.tell("redis", std::string(100'000, 'x'), now);
  EXPECT_LE(lines.back().size(), Teller::max_size + 20);
}

}  // namespace revoked::cache::teller_test
