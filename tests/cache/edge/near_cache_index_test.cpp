#include "cache/edge/near_cache_index.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace revoked::cache::near_cache_index_test {

using Slot = NearCacheIndex::Slot;

TEST(NearCacheIndex, HoldsWhatASetHoldsThroughInsertionsAndErasures) {
  constexpr std::size_t most = 600;
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  NearCacheIndex index(most);
  std::vector<std::uint64_t> hashes(200);  // few: three slots share each
  for (auto& hash : hashes) hash = random();
  std::set<std::pair<std::uint64_t, Slot>> model;
  const auto slots_of = [&](std::uint64_t hash) {
    std::set<Slot> slots;
    index.find(hash, [&](Slot slot) {
      if (model.contains({hash, slot})) slots.insert(slot);
      return false;
    });
    return slots.size();
  };
  for (int step = 0; step < 50'000; ++step) {
    const auto slot = static_cast<Slot>(random() % most);
    const auto hash = hashes[slot % hashes.size()];
    if (model.erase({hash, slot}) != 0) {
      index.erase(hash, slot);
    } else {
      model.insert({hash, slot});
      index.insert(hash, slot);
    }
    const auto some = hashes[random() % hashes.size()];
    const auto from = model.lower_bound({some, 0});
    std::size_t expected = 0;
    for (auto at = from; at != model.end() && at->first == some; ++at) ++expected;
    ASSERT_EQ(slots_of(some), expected) << "step " << step;
    if (step % 20'000 == 19'999) {
      index.clear();
      model.clear();
    }
  }
}

TEST(NearCacheIndex, TakesManySlotsOfOneHashAndForgetsThem) {
  NearCacheIndex index(1000);
  for (Slot slot = 0; slot < 1000; ++slot) index.insert(42, slot);
  std::set<Slot> found;
  index.find(42, [&](Slot slot) { return !found.insert(slot).second; });
  EXPECT_EQ(found.size(), 1000u);
  for (Slot slot = 0; slot < 1000; ++slot) index.erase(42, slot);
  int looked_at = 0;
  index.find(42, [&](Slot) { return ++looked_at == 0; });
  EXPECT_EQ(looked_at, 0);
}

// Overflowed slots stay where they are when their bucket has room again: eventually every bucket may
// overflow.
TEST(NearCacheIndex, EndsItsSearchWhenEveryBucketLeadsOn) {
  constexpr Slot bucket_slots = 12;
  constexpr std::uint64_t buckets = 3;
  NearCacheIndex index(20);
  ASSERT_EQ(index.memory_bytes(), buckets * 64);
  const auto hash_at = [](std::uint64_t bucket) {
    return (bucket * (std::uint64_t{1} << 32) / buckets + 1) << 32;
  };
  Slot next = 0;
  for (std::uint64_t bucket = 0; bucket < buckets; ++bucket) {
    std::vector<Slot> here;
    for (Slot i = bucket == 0 ? 0 : 1; i < bucket_slots; ++i) {
      index.insert(hash_at(bucket), next);
      here.push_back(next++);
    }
    index.insert(hash_at(bucket), next++);
    for (const auto slot : here) index.erase(hash_at(bucket), slot);
  }
  for (std::uint64_t bucket = 0; bucket < buckets; ++bucket) {
    EXPECT_EQ(index.find(hash_at(bucket) | 7 << 16, [](Slot) { return true; }), NearCacheIndex::none);
  }
}

}  // namespace revoked::cache::near_cache_index_test
