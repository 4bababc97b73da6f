#include "cache/edge/sequence_ranges.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace revoked::cache::sequence_ranges_test {

TEST(SequenceRanges, ContainWhatWasAdded) {
  SequenceRanges ranges;
  EXPECT_TRUE(ranges.empty());
  ranges.add(5, 7);
  ranges.add(10, 10);
  for (const auto sequence : {5, 6, 7, 10}) EXPECT_TRUE(ranges.contains(sequence)) << sequence;
  for (const auto sequence : {4, 8, 9, 11}) EXPECT_FALSE(ranges.contains(sequence)) << sequence;
}

TEST(SequenceRanges, AreAbsorbedUpToTheNextGap) {
  SequenceRanges ranges;
  ranges.add(5, 7);
  ranges.add(8, 9);
  ranges.add(12, 13);
  EXPECT_EQ(ranges.absorb(3), 3u) << "4 is missing";
  EXPECT_EQ(ranges.absorb(4), 9u);
  EXPECT_EQ(ranges.absorb(9), 9u);
  EXPECT_EQ(ranges.absorb(20), 20u);
  EXPECT_TRUE(ranges.empty());
}

TEST(SequenceRanges, AgreeWithASet) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    SequenceRanges ranges;
    std::set<engine::Sequence> expected;
    for (int i = 0; i < 20; ++i) {
      const engine::Sequence first = 1 + random() % 100;
      const auto last = first + random() % 10;
      ranges.add(first, last);
      for (auto sequence = first; sequence <= last; ++sequence) expected.insert(sequence);
    }
    for (engine::Sequence sequence = 0; sequence < 120; ++sequence)
      ASSERT_EQ(ranges.contains(sequence), expected.contains(sequence)) << "round " << round;
    auto reached = *expected.begin() - 1;
    const auto absorbed = ranges.absorb(reached);
    while (expected.contains(reached + 1)) ++reached;
    ASSERT_EQ(absorbed, reached) << "round " << round;
  }
}

TEST(SequenceRanges, AreBounded) {
  SequenceRanges ranges;
  for (engine::Sequence i = 1; i <= SequenceRanges::max_ranges; ++i) ranges.add(10 * i, 10 * i);
  ranges.add(3, 3);
  EXPECT_FALSE(ranges.contains(3));
  ranges.add(11, 19);
  EXPECT_TRUE(ranges.contains(15)) << "it joins two others";
  ranges.add(3, 3);
  EXPECT_TRUE(ranges.contains(3));
}

}  // namespace revoked::cache::sequence_ranges_test
