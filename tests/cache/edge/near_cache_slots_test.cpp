#include "cache/edge/near_cache_slots.hpp"

#include <gtest/gtest.h>

#include <set>

namespace revoked::cache::near_cache_slots_test {

using Slot = NearCacheSlots::Slot;

TEST(NearCacheSlots, HandOutEachSlotOnceAndThenNone) {
  NearCacheSlots slots(3);
  std::set<Slot> taken;
  for (int i = 0; i < 3; ++i) taken.insert(slots.take());
  EXPECT_EQ(taken, (std::set<Slot>{0, 1, 2}));
  EXPECT_EQ(slots.take(), NearCacheIndex::none);
  EXPECT_EQ(slots.in_use(), 3u);
  slots.give_back(1);
  EXPECT_EQ(slots.in_use(), 2u);
  EXPECT_EQ(slots.take(), 1u);
  EXPECT_EQ(slots.take(), NearCacheIndex::none);
  slots.clear();
  EXPECT_EQ(slots.in_use(), 0u);
  EXPECT_EQ(slots.take(), 0u);
}

TEST(NearCacheSlots, EvictThoseNotUsedSinceTheLastRound) {
  NearCacheSlots slots(4);
  std::set<Slot> used{0, 1, 3};
  const auto take_used = [&](Slot slot) { return used.erase(slot) != 0; };
  EXPECT_EQ(slots.next_to_evict(take_used), 2u);
  EXPECT_EQ(used, std::set<Slot>{3}) << "those that were passed must be used again to stay";
  used = {0, 1, 2, 3};
  EXPECT_EQ(slots.next_to_evict(take_used), 3u) << "all were used: the first of the second round";
  EXPECT_EQ(slots.next_to_evict(take_used), 0u);
}

}  // namespace revoked::cache::near_cache_slots_test
