#include "cache/edge/log_throttle.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace revoked::cache::log_throttle_test {

using namespace std::chrono_literals;

struct TellerTest : testing::Test {
  std::vector<std::string> lines;
  LogThrottle throttle{[this](std::string_view source, std::string_view what) {
    lines.push_back(std::string(source) + ": " + std::string(what));
  }};
  LogThrottle::Time now{};
};

TEST_F(TellerTest, TellsTheSameOnce) {
  for (const auto* what : {"up", "up", "down", "down", "up"}) throttle.log("redis", what, now);
  throttle.log("feed", "up", now);
  EXPECT_EQ(lines, (std::vector<std::string>{"redis: up", "redis: down", "redis: up", "feed: up"}));
}

TEST_F(TellerTest, TellsItAgainOnceForgotten) {
  throttle.log("engine", "away", now);
  throttle.forget("engine");
  throttle.log("engine", "away", now);
  EXPECT_EQ(lines.size(), 2);
}

TEST_F(TellerTest, BoundsTheLinesAndCountsTheRest) {
  for (int i = 0; i < 3000; ++i) {
    throttle.log("follower", "restarts at " + std::to_string(i), now);
    if (i % 3 == 0) throttle.forget("follower");
  }
  throttle.log("redis", "connected", now);
  ASSERT_EQ(lines.size(), LogThrottle::burst + 1) << "each source has its own lines";
  throttle.tick(now + LogThrottle::pause);
  ASSERT_EQ(lines.size(), LogThrottle::burst + 2);
  EXPECT_EQ(lines.back(),
            "follower: restarts at 2999 (and " + std::to_string(2999 - LogThrottle::burst) + " before it)");
  throttle.tick(now + 100 * LogThrottle::pause);
  EXPECT_EQ(lines.size(), LogThrottle::burst + 2) << "nothing is left to log";
}

TEST_F(TellerTest, BoundsThemWhenTwoThingsAlternate) {
  for (int second = 0; second < 600; ++second, now += 1s) {
    for (int i = 0; i < 100; ++i) throttle.log("engine", i % 2 == 0 ? "away" : "refused", now);
    throttle.tick(now);
  }
  EXPECT_LE(lines.size(), LogThrottle::burst + 600s / LogThrottle::pause + 1);
  EXPECT_GE(lines.size(), 600s / LogThrottle::pause);
}

TEST_F(TellerTest, BoundsTheirLength) {
  throttle.log("redis", std::string(100'000, 'x'), now);
  EXPECT_LE(lines.back().size(), LogThrottle::max_size + 20);
}

}  // namespace revoked::cache::log_throttle_test
