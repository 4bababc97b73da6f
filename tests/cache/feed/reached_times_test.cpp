#include "cache/feed/reached_times.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::reached_times_test {

using namespace std::chrono_literals;
using Time = ReachedTimes::Time;

TEST(ReachedTimes, AreThoseOfTheFirstNoteThatCoversAPosition) {
  ReachedTimes times(16);
  EXPECT_FALSE(times.find(1));
  EXPECT_FALSE(times.first());
  times.note(10, Time(1s), Time(2s));
  times.note(12, Time(3s), Time(4s));
  times.note(12, Time(5s), Time(6s));
  times.note(11, Time(5s), Time(6s));
  EXPECT_FALSE(times.find(9)) << "before the first note";
  EXPECT_EQ(times.find(10)->latest, Time(2s));
  EXPECT_EQ(times.find(11)->earliest, Time(3s));
  EXPECT_EQ(times.find(12)->latest, Time(4s));
  EXPECT_FALSE(times.find(13));
  EXPECT_EQ(times.first()->latest, Time(2s));
  times.clear();
  EXPECT_FALSE(times.find(12));
}

TEST(ReachedTimes, OfOldPositionsAreKnownWithinLimits) {
  constexpr engine::Sequence last = 100'000;
  constexpr std::size_t exact = 32;
  ReachedTimes times(exact);
  for (engine::Sequence i = 1; i <= last; ++i) times.note(i, Time(i * 1s), Time(i * 1s));
  std::size_t known = 0;
  for (engine::Sequence i = 1; i <= last; ++i) {
    const auto span = times.find(i);
    if (!span) continue;
    ++known;
    ASSERT_LE(span->earliest, Time(i * 1s));
    ASSERT_GE(span->latest, Time(i * 1s));
    const auto age = (last - i) * 1s;
    ASSERT_LE(span->latest - span->earliest, age / 16) << i;
    if (i + exact > last) {
      EXPECT_EQ(span->latest, span->earliest) << "a recent one";
    }
  }
  EXPECT_GT(known, last * 9 / 10);
  EXPECT_EQ(times.first()->earliest, Time(1s));
}

}  // namespace revoked::cache::reached_times_test
