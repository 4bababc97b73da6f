#include "engine/cluster/standing.hpp"

#include <gtest/gtest.h>

namespace revoked::engine::standing_test {

using namespace std::chrono_literals;

constexpr Standing::Time now{1h};

// What it has read may be lost again until its epoch has begun: it says nothing of it as the leader.
TEST(Standing, AppendsTheFirstEventOfItsEpochBeforeItLeads) {
  Standing standing;
  EXPECT_FALSE(standing.may_append(now));
  standing.begin_epoch(now + 1s);
  EXPECT_TRUE(standing.may_append(now));
  EXPECT_FALSE(standing.may_acknowledge(now));
  EXPECT_FALSE(standing.is_current(now));
  EXPECT_EQ(standing.role(), Standing::Role::follower);
  standing.lead(now + 1s);
  EXPECT_TRUE(standing.may_append(now));
  EXPECT_TRUE(standing.may_acknowledge(now));
  EXPECT_FALSE(standing.may_append(now + 1s));
  EXPECT_FALSE(standing.may_acknowledge(now + 1s));
  standing.lead(now + 2s);
  standing.step_down();
  EXPECT_FALSE(standing.may_append(now));
  EXPECT_FALSE(standing.may_acknowledge(now));
}

}  // namespace revoked::engine::standing_test
