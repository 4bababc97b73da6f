#include "cache/edge/near_cache_index.hpp"

namespace revoked::cache {
namespace {

using Buckets = engine::SlotBuckets;

// At this load one slot in a hundred lies outside its bucket: each costs a cache miss and a mispredicted
// branch.
constexpr std::size_t max_load_percent = 66;

constexpr std::size_t buckets_for(std::size_t slots) {
  return slots * 100 / (Buckets::bucket_slots * max_load_percent) + 1;
}

}  // namespace

NearCacheIndex::NearCacheIndex(std::size_t max_slots)
    : pages_(buckets_for(max_slots) * sizeof(Buckets::Bucket)),
      in_(static_cast<Buckets::Bucket*>(pages_.data()), static_cast<std::uint32_t>(buckets_for(max_slots))) {}

void NearCacheIndex::clear() { in_.clear(); }

}  // namespace revoked::cache
