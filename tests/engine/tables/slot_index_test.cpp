#include "engine/tables/slot_index.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace revoked::engine::slot_index_test {

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
  Slot slots() const { return static_cast<Slot>(hashes_.size()); }
  const SlotIndex& index() const { return index_; }

 private:
  std::vector<std::uint64_t> hashes_;
  SlotIndex index_{2};
};

TEST(SlotIndex, IsEmptyAtFirst) {
  const SlotIndex index(4);
  EXPECT_EQ(index.find(1, [](Slot) { return true; }), no_slot);
  index.prefetch(1);
}

TEST(SlotIndex, FindsAllOfAHundredThousandEntries) {
  HashedEntries entries;
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) entries.add(random());
  entries.expect_all_found();
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

// Buckets overflow into the next, and the last one into the first.
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
  for (int i = 0; i < 500; ++i) entries.add(0);  // tag 0 means free: hash 0 must not get it
  entries.expect_all_found();
}

// The buckets it reads are abandoned, and read as zeros, between reading the tags and the slot.
TEST(SlotIndex, FindsAnEntryThatMovesDuringTheLookUp) {
  HashedEntries entries;
  constexpr std::uint64_t hash = 0x1234'5678'9abc'def0;
  entries.add(hash);  // another candidate
  entries.add(hash);
  std::mt19937_64 random(4);
  bool moved = false;
  const auto found = entries.index().find(hash, [&](Slot slot) {
    while (!moved && entries.slots() < 5000) entries.add(random());
    moved = true;
    return slot == 1;
  });
  EXPECT_EQ(found, 1u);
}

TEST(SlotIndex, FindsWhatTookAnothersPlace) {
  SlotIndex index(1);
  std::mt19937_64 random(5);
  std::vector<std::uint64_t> hashes;
  const auto hash_of = [&](Slot slot) { return hashes[slot % 1000]; };
  for (Slot slot = 0; slot < 1000; ++slot) {
    hashes.push_back(random());
    index.insert(hashes.back(), slot, hash_of);
  }
  for (Slot slot = 0; slot < 1000; ++slot) index.replace(hashes[slot], slot, slot + 1000);
  for (Slot slot = 0; slot < 1000; ++slot) {
    ASSERT_EQ(index.find(hashes[slot], [&](Slot s) { return s == slot + 1000; }), slot + 1000);
    ASSERT_EQ(index.find(hashes[slot], [&](Slot s) { return s == slot; }), no_slot);
  }
}

// Entries are added and removed, many with equal hashes: exactly the existing ones are found, and the index
// does not grow by removed ones.
TEST(SlotIndex, LosesWhatIsErasedAndNothingElse) {
  std::mt19937_64 random(5);
  SlotIndex index(2);
  std::vector<std::uint64_t> hashes(2000);  // by slot
  std::vector<bool> is_there(hashes.size());
  const auto hash_of = [&](Slot slot) { return hashes[slot]; };
  const auto find = [&](Slot slot) {
    return index.find(hashes[slot], [slot](Slot each) { return each == slot; });
  };
  std::size_t memory = 0;
  for (int step = 0; step < 200'000; ++step) {
    const auto slot = static_cast<Slot>(random() % hashes.size());
    if (is_there[slot]) {
      ASSERT_EQ(find(slot), slot);
      index.erase(hashes[slot], slot);
    } else {
      hashes[slot] = random() % 3 == 0 ? random() % 8 : random();
      index.insert(hashes[slot], slot, hash_of);
    }
    is_there[slot] = !is_there[slot];
    ASSERT_EQ(find(slot) == slot, is_there[slot]);
    if (step == 50'000) memory = index.memory_bytes();
  }
  EXPECT_EQ(index.memory_bytes(), memory);
  for (Slot slot = 0; slot < hashes.size(); ++slot) {
    EXPECT_EQ(find(slot) == slot, is_there[slot]);
    if (is_there[slot]) index.erase(hashes[slot], slot);
  }
  for (const auto hash : hashes) EXPECT_EQ(index.find(hash, [](Slot) { return true; }), no_slot);
  index.erase(1, 1);  // not present: nothing happens
}

TEST(SlotIndex, TakesWhatWasReservedAndMore) {
  SlotIndex index(16);
  index.reserve(10'000);
  const auto reserved = index.memory_bytes();
  std::mt19937_64 random(6);
  std::vector<std::uint64_t> hashes;
  const auto add = [&](std::size_t count) {
    while (hashes.size() < count) {
      hashes.push_back(random());
      index.insert(hashes.back(), static_cast<Slot>(hashes.size() - 1), [&](Slot s) { return hashes[s]; });
    }
  };
  add(9000);
  EXPECT_EQ(index.memory_bytes(), reserved);
  add(50'000);
  EXPECT_GT(index.memory_bytes(), reserved);
  for (Slot slot = 0; slot < hashes.size(); ++slot) {
    ASSERT_EQ(index.find(hashes[slot], [slot](Slot s) { return s == slot; }), slot);
  }
}

TEST(SlotIndex, FindsEverythingInsertedBeforeWhileOthersInsert) {
  constexpr Slot count = 60'000;
  SlotIndex index(4);
  std::mt19937_64 random(7);
  std::vector<std::uint64_t> hashes(count);
  for (auto& hash : hashes) hash = random();
  std::atomic<Slot> inserted{0};
  std::vector<std::thread> readers;
  for (unsigned t = 0; t < 2; ++t) {
    readers.emplace_back([&, t] {
      std::minstd_rand pick(t + 1);
      for (Slot seen = 0; seen < count; seen = inserted.load(std::memory_order_acquire)) {
        if (seen == 0) continue;
        const Slot slot = static_cast<Slot>(pick() % seen);
        ASSERT_EQ(index.find(hashes[slot], [slot](Slot s) { return s == slot; }), slot);
      }
    });
  }
  for (Slot slot = 0; slot < count; ++slot) {
    index.insert(hashes[slot], slot, [&](Slot s) { return hashes[s]; });
    inserted.store(slot + 1, std::memory_order_release);
  }
  for (auto& reader : readers) reader.join();
}

}  // namespace revoked::engine::slot_index_test
