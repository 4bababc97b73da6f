#include "engine/cluster/leadership.hpp"

#include <gtest/gtest.h>

namespace revoked::engine::leadership_test {

using namespace std::chrono_literals;
using Leader = PostgresLog::Leader;

constexpr Leadership::Time start{1h};
Leader held(std::uint64_t term, std::uint64_t beat) { return {term, "someone", "http://someone", beat, 0}; }

TEST(Leadership, TakesARowThatNobodyHolds) {
  Leadership rules(2s);
  EXPECT_FALSE(rules.should_take(start)) << "before a look";
  rules.see({}, start);
  EXPECT_TRUE(rules.should_take(start));
}

TEST(Leadership, TakesARowThatHasStoodStillForALeaseAndTheDrift) {
  Leadership rules(2s);
  rules.see(held(1, 1), start);
  rules.see(held(1, 1), start + 1s);
  EXPECT_FALSE(rules.should_take(start + 2s));
  EXPECT_TRUE(rules.should_take(start + 2s + 20ms));
  rules.see(held(1, 2), start + 2s + 20ms);
  EXPECT_FALSE(rules.should_take(start + 4s));
  rules.see(held(2, 2), start + 4s);
  EXPECT_FALSE(rules.should_take(start + 5s)) << "another engine leads now";
  EXPECT_TRUE(rules.should_take(start + 6s + 20ms));
}

TEST(Leadership, NeverTakesARowWhileAJournalIsMoved) {
  Leadership rules(2s);
  rules.see({1, std::string(PostgresLog::moving), "", 1, 0}, start);
  EXPECT_FALSE(rules.should_take(start + 1h));
  rules.see({1, "", "", 2, 0}, start + 1h);
  EXPECT_TRUE(rules.should_take(start + 1h));
}

TEST(Leadership, TheOwnLeaseEndsBeforeOthersTakeOver) {
  const Leadership rules(200ms);
  EXPECT_LT(rules.own_lease(), 200ms);
  EXPECT_GT(rules.lease_of_others(), 200ms);
}

}  // namespace revoked::engine::leadership_test
