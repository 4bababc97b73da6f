#include "cache/edge/near_cache_marks.hpp"

#include <algorithm>

namespace revoked::cache {

Marks::Marks(std::size_t capacity) : capacity_(std::max<std::size_t>(capacity, 1)), index_(capacity_) {}

NearCacheIndex::Slot Marks::find(std::uint64_t hash) const {
  return index_.find(hash, [&](NearCacheIndex::Slot slot) { return marks_[slot].hash == hash; });
}

bool Marks::raise(std::uint64_t hash, Position position) {
  if (const auto slot = find(hash); slot != NearCacheIndex::none) {
    marks_[slot].position = std::max(marks_[slot].position, position);
    return false;
  }
  auto slot = marks_.size();
  const bool forgets = slot == capacity_;
  if (forgets) {
    slot = oldest_;
    oldest_ = (oldest_ + 1) % capacity_;
    floor_ = std::max(floor_, marks_[slot].position);
    index_.erase(marks_[slot].hash, static_cast<NearCacheIndex::Slot>(slot));
    marks_[slot] = {hash, position};
  } else {
    marks_.push_back({hash, position});
  }
  index_.insert(hash, static_cast<NearCacheIndex::Slot>(slot));
  return forgets;
}

Position Marks::ended_before(std::uint64_t hash) const {
  const auto slot = find(hash);
  return slot == NearCacheIndex::none ? floor_ : std::max(floor_, marks_[slot].position);
}

void Marks::clear() {
  marks_.clear();
  oldest_ = 0;
  index_.clear();
  floor_ = {};
}

}  // namespace revoked::cache
