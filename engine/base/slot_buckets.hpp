#pragma once
// The buckets of a hash index of 32-bit slots; what lies in the slots is compared by the caller. A bucket is
// one cache line: 12 slots, a byte of hash (tag) each, and how many entries that belong to it, or to a bucket
// before it, lie in buckets behind it.
//
// Changes by one thread at a time. Look-ups from any thread meanwhile, without a lock: one may miss an entry
// that is just being inserted, and may find one that has just been erased. What was written before an entry
// was inserted is visible to who finds it.

#include <cstddef>
#include <cstdint>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "engine/base/atomic_word.hpp"

namespace revoked::engine {

using Slot = std::uint32_t;
inline constexpr Slot no_slot = 0xffffffff;

// A view of `count` buckets, which begin as zeros.
class SlotBuckets {
 public:
  static constexpr std::size_t bucket_slots = 12;

  class alignas(64) Bucket {
   public:
    // Bit i is set where the tag of slot i is this one; tag 0: free.
    class Tags {
     public:
      explicit Tags(const Bucket& bucket)
          : high_(bucket.high_.load(std::memory_order_acquire)),
            low_(bucket.low_.load(std::memory_order_acquire)) {}
      bool has_overflown() const { return high_ >> overflow_shift != 0; }
      std::uint32_t used() const { return ~matching(0) & ((1u << bucket_slots) - 1); }
      std::uint32_t matching(std::uint8_t tag) const {
#ifdef __SSE2__
        const auto tags = _mm_set_epi64x(static_cast<long long>(high_), static_cast<long long>(low_));
        const auto equal = _mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8(static_cast<char>(tag))));
        return static_cast<std::uint32_t>(equal) & 0xfff;
#else
        std::uint32_t equal = 0;
        for (std::size_t i = 0; i < bucket_slots; ++i) {
          equal |= std::uint32_t{static_cast<std::uint8_t>((i < 8 ? low_ : high_) >> (i % 8 * 8)) == tag}
                   << i;
        }
        return equal;
#endif
      }

     private:
      std::uint64_t high_;
      std::uint64_t low_;
    };

    Slot slot(std::uint32_t candidates) const {  // of the first of them
      return slots_[__builtin_ctz(candidates)].load(std::memory_order_acquire);
    }

   private:
    friend class SlotBuckets;
    static constexpr unsigned overflow_shift = 32;
    static constexpr std::uint64_t one_overflow = std::uint64_t{1} << overflow_shift;

    void set_tag(std::size_t i, std::uint8_t tag);
    void add_overflow(std::uint64_t count) {
      high_.store(high_.load(std::memory_order_relaxed) + count, std::memory_order_release);
    }

    AtomicWord<std::uint64_t> low_;   // tags of slots 0 to 7
    AtomicWord<std::uint64_t> high_;  // tags of slots 8 to 11; above them the count of overflows
    AtomicWord<Slot> slots_[bucket_slots];
  };
  static_assert(sizeof(Bucket) == 64);

  SlotBuckets(Bucket* first, std::uint32_t count) : first_(first), count_(count) {}

  std::uint32_t count() const { return count_; }
  const Bucket& operator[](std::size_t at) const { return first_[at]; }
  const Bucket& home_of(std::uint64_t hash) const { return first_[home(hash)]; }

  // Calls accepts(slot) for the few candidates until it answers true: that slot, or no_slot.
  template <class Accepts>
  Slot find(std::uint64_t hash, Accepts&& accepts) const {
    const auto tag = tag_of(hash);
    const auto first = home(hash);
    for (auto at = first;;) {
      const typename Bucket::Tags tags(first_[at]);
      for (auto candidates = tags.matching(tag); candidates != 0; candidates &= candidates - 1) {
        const auto slot = first_[at].slot(candidates);
        if (accepts(slot)) return slot;
      }
      if (!tags.has_overflown()) return no_slot;
      at = next(at);
      if (at == first) return no_slot;  // every bucket has overflown
    }
  }

  // There is room, and it is not there.
  void insert(std::uint64_t hash, Slot slot) const;
  // False: it is not there.
  bool erase(std::uint64_t hash, Slot slot) const;
  bool replace(std::uint64_t hash, Slot from, Slot to) const;
  // Leaves buckets that were never used untouched: they cost no memory.
  void clear() const;

  static std::uint8_t tag_of(std::uint64_t hash) {
    const auto tag = static_cast<std::uint8_t>(hash >> 16);
    return tag == 0 ? 1 : tag;
  }

 private:
  struct Place {
    std::size_t bucket;
    std::size_t i;  // bucket_slots: it is not there
  };
  Place find_slot(std::uint64_t hash, Slot slot) const;
  std::size_t home(std::uint64_t hash) const { return static_cast<std::size_t>((hash >> 32) * count_ >> 32); }
  std::size_t next(std::size_t at) const { return at + 1 == count_ ? 0 : at + 1; }

  Bucket* first_;
  std::uint32_t count_;
};

}  // namespace revoked::engine
