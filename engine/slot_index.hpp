#pragma once
// An open-addressing hash index of 32-bit slots: which record has this hash? The keys themselves lie in a
// Slab; the caller compares. Buckets are cache lines of 12 slots with a byte of hash each, so a look-up costs
// one miss here and one at the record. About 7 bytes an entry. Nothing is ever removed.
//
// Not thread-safe: one lock a shard is around it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "engine/slab.hpp"

namespace revoked::engine {

class SlotIndex {
 public:
  // Calls matches(slot) for the few candidates; the first accepted slot, or no_slot.
  template <class Matches>
  Slot find(std::uint64_t hash, Matches&& matches) const {
    if (bucket_count_ == 0) return no_slot;
    const auto tag = tag_of(hash);
    for (auto at = home(hash);; at = at + 1 == bucket_count_ ? 0 : at + 1) {
      const Bucket& bucket = buckets_[at];
      for (auto candidates = matching(bucket, tag); candidates != 0; candidates &= candidates - 1) {
        const Slot slot = bucket.slots[__builtin_ctz(candidates)];
        if (matches(slot)) return slot;
      }
      if (!bucket.overflowed) return no_slot;
    }
  }

  // The caller has checked that it is not there. `hash_of(slot)` gives an entry's hash again when the index
  // grows.
  template <class HashOf>
  void insert(std::uint64_t hash, Slot slot, HashOf&& hash_of) {
    if (size_ + 1 > capacity_limit()) grow(hash_of);
    place(hash, slot);
  }

  // While it is empty: room for so many without growing.
  void reserve(std::size_t entries) {
    reset(std::max<std::size_t>(4, entries * 100 / (bucket_slots * 85) + 1));
  }

  // `from` is there; look-ups find `to` in its place from now on.
  void replace(std::uint64_t hash, Slot from, Slot to) {
    const auto tag = tag_of(hash);
    for (auto at = home(hash);; at = at + 1 == bucket_count_ ? 0 : at + 1) {
      Bucket& bucket = buckets_[at];
      for (auto candidates = matching(bucket, tag); candidates != 0; candidates &= candidates - 1) {
        Slot& slot = bucket.slots[__builtin_ctz(candidates)];
        if (slot != from) continue;
        slot = to;
        return;
      }
      if (!bucket.overflowed) return;
    }
  }

  // What find() would ask about first; no_slot if that is not to be had at one glance.
  Slot likely(std::uint64_t hash) const {
    if (bucket_count_ == 0) return no_slot;
    const Bucket& bucket = buckets_[home(hash)];
    const auto candidates = matching(bucket, tag_of(hash));
    return candidates == 0 ? no_slot : bucket.slots[__builtin_ctz(candidates)];
  }

  void prefetch(std::uint64_t hash) const {
    if (bucket_count_ != 0) __builtin_prefetch(&buckets_[home(hash)]);
  }
  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const { return bucket_count_ * sizeof(Bucket); }

 private:
  static constexpr std::size_t bucket_slots = 12;
  struct alignas(64) Bucket {
    std::uint8_t tags[bucket_slots] = {};  // 0: free
    std::uint8_t overflowed = 0;           // an entry that belongs here lies further on
    std::uint8_t unused[3] = {};
    Slot slots[bucket_slots];
  };
  static_assert(sizeof(Bucket) == 64);

  static std::uint8_t tag_of(std::uint64_t hash) {
    const auto tag = static_cast<std::uint8_t>(hash >> 16);
    return tag == 0 ? 1 : tag;
  }
  std::size_t home(std::uint64_t hash) const {
    return static_cast<std::size_t>((hash >> 32) * bucket_count_ >> 32);
  }
  std::size_t capacity_limit() const { return bucket_count_ * bucket_slots * 85 / 100; }
  // Bit i is set where tags[i] == tag.
  static std::uint32_t matching(const Bucket& bucket, std::uint8_t tag) {
#ifdef __SSE2__
    const auto line = _mm_load_si128(reinterpret_cast<const __m128i*>(&bucket));
    const auto equal = _mm_movemask_epi8(_mm_cmpeq_epi8(line, _mm_set1_epi8(static_cast<char>(tag))));
    return static_cast<std::uint32_t>(equal) & 0xfff;
#else
    std::uint32_t equal = 0;
    for (std::size_t i = 0; i < bucket_slots; ++i) equal |= std::uint32_t{bucket.tags[i] == tag} << i;
    return equal;
#endif
  }
  void place(std::uint64_t hash, Slot slot);

  template <class HashOf>
  void grow(HashOf&& hash_of) {
    const auto old = std::move(buckets_);
    const auto old_count = bucket_count_;
    reset(old_count < 4 ? 4 : old_count + old_count / 2);
    // Hashes by the dozen: each is a miss of its own, and so they overlap.
    std::uint64_t hashes[bucket_slots];
    for (std::size_t at = 0; at < old_count; ++at) {
      const Bucket& bucket = old[at];
      std::size_t used = 0;  // they are filled from the front
      while (used < bucket_slots && bucket.tags[used] != 0) ++used;
      for (std::size_t i = 0; i < used; ++i) hashes[i] = hash_of(bucket.slots[i]);
      for (std::size_t i = 0; i < used; ++i) place(hashes[i], bucket.slots[i]);
    }
  }
  void reset(std::size_t bucket_count);

  std::unique_ptr<Bucket[]> buckets_;
  std::size_t bucket_count_ = 0;
  std::size_t size_ = 0;
};

}  // namespace revoked::engine
