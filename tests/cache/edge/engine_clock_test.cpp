#include "cache/edge/engine_clock.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::engine_clock_test {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Our clock; the engine started when it showed an hour.
Monotonic at(milliseconds time) { return Monotonic(1h) + time; }

TEST(EngineClock, KnowsNothingBeforeAPage) {
  EngineClock clock;
  EXPECT_TRUE(clock.note({}, 500, 1'000'500));
  EXPECT_FALSE(clock.time_at({}, 500, at(500ms)));
  EXPECT_FALSE(clock.wall_time(at(500ms)));
  EXPECT_FALSE(clock.is_relation_due(at(500ms)));
}

TEST(EngineClock, CountsFromTheRequestOfThePage) {
  EngineClock clock;
  clock.relate(at(400ms), {}, 500, 1'000'500, at(600ms));
  EXPECT_EQ(clock.time_at({}, 500, at(600ms)), at(400ms));
  EXPECT_EQ(clock.time_at({}, 900, at(1s)), at(800ms)) << "at the earliest";
  EXPECT_EQ(clock.wall_time(at(1s)), 1'001'100) << "at the latest";
}

TEST(EngineClock, KeepsTheBetterRelationUntilItIsOld) {
  EngineClock clock;
  clock.relate(at(1000ms), {}, 1010, {}, at(1020ms));
  clock.relate(at(2000ms), {}, 2500, {}, at(3000ms));
  EXPECT_EQ(clock.time_at({}, 3000, at(3s)), at(2990ms)) << "the slow response gives a worse bound";
  clock.relate(at(4000ms), {}, 4001, {}, at(4002ms));
  EXPECT_EQ(clock.time_at({}, 5000, at(5s)), at(4999ms));
  EXPECT_FALSE(clock.is_relation_due(at(34s)));
  EXPECT_TRUE(clock.is_relation_due(at(35s)));
  clock.relate(at(35s), {}, 35'500, {}, at(36s));
  EXPECT_EQ(clock.time_at({}, 36'000, at(36s)), at(35'500ms)) << "clocks drift";
}

TEST(EngineClock, TrustsNoRelationThatMayHaveDrifted) {
  EngineClock clock;
  clock.relate(at(0s), {}, 0, {}, at(0s));
  EXPECT_TRUE(clock.time_at({}, 60'000, at(60s)));
  EXPECT_FALSE(clock.time_at({}, 60'001, at(60'001ms)));
}

TEST(EngineClock, FollowsTheWallClockOfTheNewestMessage) {
  EngineClock clock;
  clock.relate(at(1000ms), {}, 1000, 1'001'000, at(1000ms));
  EXPECT_TRUE(clock.note({}, 2000, 5'002'000));
  EXPECT_FALSE(clock.note({}, 1500, 1'001'500)) << "it was sent before the clock was set";
  EXPECT_EQ(clock.wall_time(at(3s)), 5'003'000);
}

TEST(EngineClock, ForgetsAnEngineThatHasRestarted) {
  EngineClock clock;
  clock.relate(at(9s), {}, 9000, 1'009'000, at(9s));
  clock.reset();
  EXPECT_FALSE(clock.wall_time(at(9s)));
  clock.relate(at(10s), {}, 500, 1'010'000, at(10s));
  EXPECT_EQ(clock.wall_time(at(11s)), 1'011'000);
}

TEST(EngineClock, IgnoresATimeThatWouldOverflow) {
  EngineClock clock;
  clock.relate(at(0s), {}, EngineClock::max_up + 1, 0, at(0s));
  EXPECT_FALSE(clock.time_at({}, 0, at(0s)));
  clock.relate(at(0s), {}, EngineClock::max_up, 0, at(0s));
  EXPECT_EQ(clock.time_at({}, EngineClock::max_up, at(0s)), at(0s));
}

}  // namespace revoked::cache::engine_clock_test
