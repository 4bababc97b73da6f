#pragma once
// A hash table of 32-bit slots, of fixed size, 8 bytes a slot. The caller compares the content of the slots.
// A bucket is one cache line: 12 slots, a byte of hash each, and a count of slots that belong to this bucket
// or an earlier one but are stored in a later one.
//
// Changed by one thread at a time. `find` from any thread meanwhile: it may miss a slot that is present, or
// offer one that has been removed.

#include <atomic>
#include <cstddef>
#include <cstdint>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "engine/base/huge_pages.hpp"

namespace revoked::cache {

class NearCacheIndex {
 public:
  using Slot = std::uint32_t;
  static constexpr Slot none = 0xffffffff;

  explicit NearCacheIndex(std::size_t max_slots);

  // Calls accepts(slot) for each candidate until it returns true. Returns the accepted slot, or none.
  template <class Accepts>
  Slot find(std::uint64_t hash, Accepts&& accepts) const {
    const auto tag = tag_of(hash);
    const auto first = home(hash);
    for (auto at = first;;) {
      const Bucket& bucket = buckets_[at];
      // Acquire: the content of a slot was written before its tag.
      const auto high = bucket.high.load(std::memory_order_acquire);
      const auto low = bucket.low.load(std::memory_order_acquire);
      for (auto candidates = matching(low, high, tag); candidates != 0; candidates &= candidates - 1) {
        const Slot slot = bucket.slots[__builtin_ctz(candidates)].load(std::memory_order_relaxed);
        if (accepts(slot)) return slot;
      }
      if (high >> overflow_shift == 0) return none;
      at = next(at);
      if (at == first) return none;  // every bucket has overflowed
    }
  }

  // At most `max_slots`; a slot at most once under the same hash.
  void insert(std::uint64_t hash, Slot slot);
  void erase(std::uint64_t hash, Slot slot);  // must be present
  void clear();

  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&buckets_[home(hash)]); }
  std::size_t memory_bytes() const { return buckets_.size() * sizeof(Bucket); }

 private:
  static constexpr std::size_t bucket_slots = 12;
  static constexpr unsigned overflow_shift = 32;
  struct alignas(64) Bucket {
    std::atomic<std::uint64_t> low;   // tags of slots 0 to 7; 0: free
    std::atomic<std::uint64_t> high;  // tags of slots 8 to 11; above them the overflow count
    std::atomic<Slot> slots[bucket_slots];
  };
  static_assert(sizeof(Bucket) == 64);

  static std::uint8_t tag_of(std::uint64_t hash) {
    const auto tag = static_cast<std::uint8_t>(hash >> 16);
    return tag == 0 ? 1 : tag;
  }
  std::size_t home(std::uint64_t hash) const {
    return static_cast<std::size_t>((hash >> 32) * buckets_.size() >> 32);
  }
  std::size_t next(std::size_t at) const { return at + 1 == buckets_.size() ? 0 : at + 1; }

  // Bit i is set if the tag of slot i matches.
  static std::uint32_t matching(std::uint64_t low, std::uint64_t high, std::uint8_t tag) {
#ifdef __SSE2__
    const auto tags = _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
    const auto equal = _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8(static_cast<char>(tag))));
    return static_cast<std::uint32_t>(equal) & 0xfff;
#else
    std::uint32_t equal = 0;
    for (std::size_t i = 0; i < bucket_slots; ++i) {
      equal |= std::uint32_t{static_cast<std::uint8_t>((i < 8 ? low : high) >> (i % 8 * 8)) == tag} << i;
    }
    return equal;
#endif
  }
  static void set_tag(Bucket& bucket, std::size_t i, std::uint8_t tag);

  engine::HugeArray<Bucket> buckets_;
};

}  // namespace revoked::cache
