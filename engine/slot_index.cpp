#include "engine/slot_index.hpp"

namespace revoked::engine {

void SlotIndex::place(std::uint64_t hash, Slot slot) {
  for (auto at = home(hash);; at = at + 1 == bucket_count_ ? 0 : at + 1) {
    Bucket& bucket = buckets_[at];
    if (const auto free = matching(bucket, 0); free != 0) {
      const auto i = __builtin_ctz(free);
      bucket.tags[i] = tag_of(hash);
      bucket.slots[i] = slot;
      ++size_;
      return;
    }
    bucket.overflowed = 1;
  }
}

void SlotIndex::reset(std::size_t bucket_count) {
  buckets_ = std::make_unique<Bucket[]>(bucket_count);
  bucket_count_ = bucket_count;
  size_ = 0;
}

}  // namespace revoked::engine
