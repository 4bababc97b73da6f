#include "cache/edge/probe_pace.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::probe_pace_test {

using namespace std::chrono_literals;

Monotonic at(std::chrono::milliseconds time) { return Monotonic(1h) + time; }

TEST(ProbePace, AllowsTheFirstAtOnce) {
  ProbePace pace;
  EXPECT_FALSE(pace.is_due(at(0s)));
  pace.want(at(0s));
  EXPECT_TRUE(pace.is_due(at(0s)));
  pace.on_answer(at(0s), false, at(10ms));
  EXPECT_FALSE(pace.is_due(at(1h)));
}

TEST(ProbePace, DoublesThePauseWhileNothingNewIsFoundUpToABound) {
  ProbePace pace;
  auto now = at(0s);
  for (const auto pause : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    pace.want(now);
    pace.on_answer(now, false, now);
    pace.want(now);
    EXPECT_FALSE(pace.is_due(now + pause - 1ms));
    EXPECT_TRUE(pace.is_due(now + pause));
    now += pause;
  }
  pace.on_answer(now, true, now);
  pace.want(now);
  EXPECT_TRUE(pace.is_due(now + ProbePace::least_pause)) << "it has found something";
}

TEST(ProbePace, CountsNoAnswerToAnEarlierRequest) {
  ProbePace pace;
  pace.want(at(10ms));
  pace.on_answer(at(9ms), false, at(20ms));
  EXPECT_TRUE(pace.is_due(at(20ms)));
}

}  // namespace revoked::cache::probe_pace_test
