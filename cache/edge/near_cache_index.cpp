#include "cache/edge/near_cache_index.hpp"

namespace revoked::cache {
namespace {

// At this load one slot in a hundred is outside its bucket: each costs a cache miss and a branch
// misprediction.
constexpr std::size_t max_load_percent = 66;

}  // namespace

NearCacheIndex::NearCacheIndex(std::size_t max_slots)
    : buckets_(max_slots * 100 / (bucket_slots * max_load_percent) + 1) {}

void NearCacheIndex::insert(std::uint64_t hash, Slot slot) {
  for (auto at = home(hash);; at = next(at)) {
    Bucket& bucket = buckets_[at];
    const auto high = bucket.high.load(std::memory_order_relaxed);
    const auto free = matching(bucket.low.load(std::memory_order_relaxed), high, 0);
    if (free == 0) {
      bucket.high.store(high + (std::uint64_t{1} << overflow_shift), std::memory_order_relaxed);
      continue;
    }
    const auto i = static_cast<std::size_t>(__builtin_ctz(free));
    bucket.slots[i].store(slot, std::memory_order_relaxed);
    return set_tag(bucket, i, tag_of(hash));
  }
}

void NearCacheIndex::erase(std::uint64_t hash, Slot slot) {
  const auto tag = tag_of(hash);
  for (auto at = home(hash);; at = next(at)) {
    Bucket& bucket = buckets_[at];
    const auto high = bucket.high.load(std::memory_order_relaxed);
    auto candidates = matching(bucket.low.load(std::memory_order_relaxed), high, tag);
    for (; candidates != 0; candidates &= candidates - 1) {
      const auto i = static_cast<std::size_t>(__builtin_ctz(candidates));
      if (bucket.slots[i].load(std::memory_order_relaxed) == slot) return set_tag(bucket, i, 0);
    }
    bucket.high.store(high - (std::uint64_t{1} << overflow_shift), std::memory_order_relaxed);
  }
}

void NearCacheIndex::clear() {
  for (std::size_t at = 0; at < buckets_.size(); ++at) {
    // Unused buckets are not written, so that they take no memory.
    Bucket& bucket = buckets_[at];
    if (bucket.low.load(std::memory_order_relaxed) != 0) bucket.low.store(0, std::memory_order_relaxed);
    if (bucket.high.load(std::memory_order_relaxed) != 0) bucket.high.store(0, std::memory_order_relaxed);
  }
}

void NearCacheIndex::set_tag(Bucket& bucket, std::size_t i, std::uint8_t tag) {
  auto& word = i < 8 ? bucket.low : bucket.high;
  const auto shift = i % 8 * 8;
  const auto others = word.load(std::memory_order_relaxed) & ~(std::uint64_t{0xff} << shift);
  word.store(others | std::uint64_t{tag} << shift, std::memory_order_release);
}

}  // namespace revoked::cache
