#pragma once
// An open-addressing hash index of 32-bit slots: which record has this hash? The records are in a Slab; the
// caller compares. Buckets are cache lines of 12 slots with a byte of hash each, so a look-up costs one miss
// here and one at the record. About 7 bytes an entry.
//
// From any thread. Look-ups take no lock and write nothing: a lock would prevent cache misses of consecutive
// look-ups from overlapping. Changes lock a shard.
//
// A shard grows by half, into the next generation of buckets: one array for all shards. The old buckets are
// not changed; once all shards have left the generation they read as zeros, but stay mapped until the index
// is destroyed. A look-up that still reads them finds what existed when it began, or, if it finds nothing,
// sees that the shard has moved and retries.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/base/huge_pages.hpp"
#include "engine/base/mutex.hpp"
#include "engine/base/slot_buckets.hpp"

namespace revoked::engine {

class SlotIndex {
 public:
  explicit SlotIndex(std::size_t shards);  // a power of two, at most 2^16

  // Calls matches(slot) for the few candidates; returns the first accepted slot, or no_slot. What was written
  // before the slot was inserted is visible to `matches`.
  template <class Matches>
  Slot find(std::uint64_t hash, Matches&& matches) const {
    const auto shard = shard_of(hash);
    for (auto generation = generation_of(shard);;) {
      const auto slot = buckets_of(shard, generation).find(hash, matches);
      if (slot != no_slot) return slot;
      const auto now = generation_of(shard);
      if (now == generation) [[likely]]
        return no_slot;
      generation = now;
    }
  }

  // The caller has checked that it is not present. `hash_of(slot)` returns an entry's hash when the index
  // grows.
  template <class HashOf>
  void insert(std::uint64_t hash, Slot slot, HashOf&& hash_of) {
    const auto shard = shard_of(hash);
    const MutexLock lock(shards_[shard].lock);
    auto in = buckets_of(shard, generation_of(shard));
    auto& size = shards_[shard].size;
    if (size + 1 > capacity_of(in.count())) in = grow(shard, hash_of);
    in.insert(hash, slot);
    size.store(size + 1, std::memory_order_relaxed);
  }

  // `from` must be present; look-ups then find `to` instead.
  void replace(std::uint64_t hash, Slot from, Slot to);
  // Concurrent look-ups may still find it: see read_section.hpp.
  void erase(std::uint64_t hash, Slot slot);

  // While it is empty and unused by other threads: allocates for `entries` without growing.
  void reserve(std::size_t entries);

  // The first candidate of find(); no_slot if it takes more than one bucket to find.
  Slot likely(std::uint64_t hash) const {
    const auto& bucket = home_of(hash);
    const auto candidates = Bucket::Tags(bucket).matching(SlotBuckets::tag_of(hash));
    return candidates == 0 ? no_slot : bucket.slot(candidates);
  }
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&home_of(hash)); }

  std::size_t memory_bytes() const;  // for tests

 private:
  using Bucket = SlotBuckets::Bucket;

  struct Generation {
    Bucket* buckets = nullptr;
    std::uint32_t a_shard = 0;  // buckets per shard
  };
  struct Memory {
    HugePages pages;
    std::size_t shards_left = 0;
  };
  struct Shard {
    Mutex<3> lock;
    std::atomic<std::uint32_t> size{0};
  };

  // The entries of a shard before it grows.
  static std::size_t capacity_of(std::size_t buckets) {
    return buckets * SlotBuckets::bucket_slots * 85 / 100;
  }
  std::size_t shard_of(std::uint64_t hash) const { return hash & shard_mask_; }
  std::uint8_t generation_of(std::size_t shard) const {
    return generation_of_[shard].load(std::memory_order_acquire);
  }
  SlotBuckets buckets_of(std::size_t shard, std::uint8_t generation) const {
    const auto& of = generations_[generation];
    return {of.buckets + shard * of.a_shard, of.a_shard};
  }
  const Bucket& home_of(std::uint64_t hash) const {
    const auto shard = shard_of(hash);
    return buckets_of(shard, generation_of(shard)).home_of(hash);
  }

  template <class HashOf>
  SlotBuckets grow(std::size_t shard, HashOf&& hash_of) {
    const auto generation = generation_of(shard);
    const auto from = buckets_of(shard, generation);
    ensure(generation + std::size_t{1}, from.count() + from.count() / 2);
    const auto to = buckets_of(shard, generation + 1);
    // Hashes of a whole bucket at once: each is a cache miss, and these overlap.
    std::uint64_t hashes[SlotBuckets::bucket_slots];
    Slot slots[SlotBuckets::bucket_slots];
    for (std::size_t at = 0; at < from.count(); ++at) {
      std::size_t used = 0;
      for (auto rest = Bucket::Tags(from[at]).used(); rest != 0; rest &= rest - 1) {
        slots[used] = from[at].slot(rest);
        hashes[used] = hash_of(slots[used]);
        ++used;
      }
      for (std::size_t i = 0; i < used; ++i) to.insert(hashes[i], slots[i]);
    }
    move_on(shard, generation + std::size_t{1});
    return to;
  }
  void ensure(std::size_t generation, std::uint32_t buckets_a_shard);
  void move_on(std::size_t shard, std::size_t generation);

  static constexpr std::size_t max_generations = 64;  // growing by half: more than memory can hold

  const std::size_t shard_mask_;
  // Separate from what every insertion changes: look-ups read these two and then a bucket.
  std::vector<std::atomic<std::uint8_t>> generation_of_;
  std::array<Generation, max_generations> generations_;
  std::vector<Shard> shards_;
  Mutex<4> growing_;
  std::array<Memory, max_generations> memory_ REVOKED_GUARDED_BY(growing_);
};

}  // namespace revoked::engine
