#include "engine/slot_index.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace revoked::engine {
namespace {

class HashedEntries {
 public:
  void add(std::uint64_t hash) {
    const auto slot = static_cast<Slot>(hashes_.size());
    hashes_.push_back(hash);
    index_.insert(hash, slot, [this](Slot s) { return hashes_[s]; });
  }
  void expect_all_found() const {
    for (Slot slot = 0; slot < hashes_.size(); ++slot) {
      ASSERT_EQ(index_.find(hashes_[slot], [slot](Slot s) { return s == slot; }), slot);
    }
  }
  const SlotIndex& index() const { return index_; }

 private:
  std::vector<std::uint64_t> hashes_;
  SlotIndex index_;
};

TEST(SlotIndex, IsEmptyAtFirst) {
  const SlotIndex index;
  EXPECT_EQ(index.find(1, [](Slot) { return true; }), no_slot);
  EXPECT_EQ(index.size(), 0u);
  index.prefetch(1);
}

TEST(SlotIndex, FindsAllOfAHundredThousandEntries) {
  HashedEntries entries;
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) entries.add(random());
  entries.expect_all_found();
  EXPECT_EQ(entries.index().size(), 100'000u);
  EXPECT_LT(entries.index().memory_bytes(), 100'000u * 10);
}

TEST(SlotIndex, FindsEntriesAtEveryStepOfItsGrowth) {
  HashedEntries entries;
  std::mt19937_64 random(2);
  for (int i = 0; i < 1500; ++i) {
    entries.add(random());
    entries.expect_all_found();
  }
}

TEST(SlotIndex, OffersFewCandidatesForAnAbsentHash) {
  HashedEntries entries;
  std::mt19937_64 random(3);
  for (int i = 0; i < 100'000; ++i) entries.add(random());
  int candidates = 0;
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_EQ(entries.index().find(random(), [&](Slot) { return ++candidates, false; }), no_slot);
  }
  EXPECT_LT(candidates, 20'000);  // 12 slots a bucket, 255 tags
}

// Buckets overflow into their neighbours, and the last one into the first.
TEST(SlotIndex, SurvivesEntriesThatAllShareABucket) {
  for (const std::uint64_t high : {std::uint64_t{0}, std::uint64_t{0xffffffff}}) {
    HashedEntries entries;
    for (std::uint64_t i = 0; i < 2000; ++i) entries.add(high << 32 | (i % 300) << 16);
    entries.expect_all_found();
    EXPECT_EQ(entries.index().find(high << 32 | 0x12ff'0000, [](Slot) { return false; }), no_slot);
  }
}

TEST(SlotIndex, TellsEqualHashesApart) {
  HashedEntries entries;
  for (int i = 0; i < 500; ++i) entries.add(0);  // tag 0 means free: hash 0 must not look so
  entries.expect_all_found();
}

}  // namespace
}  // namespace revoked::engine
