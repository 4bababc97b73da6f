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

Position OwnerMarks::ended_before(const OwnerHashes& owners) const {
  Position end;
  for (const auto owner : owners) {
    if (owner != 0) end = std::max(end, marks_.ended_before(owner));
  }
  if (!has_joint_) return end;
  for (std::size_t without = 0; without <= owners.size(); ++without) {
    auto together = owners;
    if (without < owners.size()) together[without] = 0;
    if (std::count(together.begin(), together.end(), 0) <= 1)
      end = std::max(end, marks_.ended_before(hash_together(together)));
  }
  return end;
}

}  // namespace revoked::cache
