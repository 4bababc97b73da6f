#include "cache/edge/recent_unknowns.hpp"

#include <gtest/gtest.h>

#include <string>

namespace revoked::cache::recent_unknowns_test {

using namespace std::chrono_literals;

engine::Digest digest_of(int number) { return engine::sha256(std::to_string(number)); }

struct RecentUnknownsTest : testing::Test {
  RecentUnknowns unknowns;
  RecentUnknowns::Time now{};
};

TEST_F(RecentUnknownsTest, KnowsAMomentAgoOnly) {
  unknowns.remember(digest_of(1), {3, 100}, now);
  EXPECT_TRUE(unknowns.knows(digest_of(1), {3, 100}, now));
  EXPECT_TRUE(unknowns.knows(digest_of(1), {3, 99}, now + RecentUnknowns::max_age));
  EXPECT_FALSE(unknowns.knows(digest_of(1), {3, 100}, now + RecentUnknowns::max_age + 1ms));
  EXPECT_FALSE(unknowns.knows(digest_of(2), {3, 100}, now));
}

TEST_F(RecentUnknownsTest, EndsWithWhateverHappens) {
  unknowns.remember(digest_of(1), {3, 100}, now);
  EXPECT_FALSE(unknowns.knows(digest_of(1), {3, 101}, now)) << "that may have been its creation";
  EXPECT_FALSE(unknowns.knows(digest_of(1), {4, 1}, now));
  unknowns.remember(digest_of(1), {3, 101}, now);
  EXPECT_TRUE(unknowns.knows(digest_of(1), {3, 101}, now));
}

TEST_F(RecentUnknownsTest, IsBounded) {
  const int count = static_cast<int>(RecentUnknowns::max_entries) + 10;
  for (int i = 0; i < count; ++i) unknowns.remember(digest_of(i), {3, 100}, now);
  for (int i = 0; i < count; ++i) EXPECT_EQ(unknowns.knows(digest_of(i), {3, 100}, now), i >= 10) << i;
}

}  // namespace revoked::cache::recent_unknowns_test
