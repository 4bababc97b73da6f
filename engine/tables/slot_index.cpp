#include "engine/tables/slot_index.hpp"

#include <algorithm>
#include <stdexcept>

namespace revoked::engine {
namespace {

constexpr std::uint32_t smallest = 4;  // buckets per shard

}  // namespace

SlotIndex::SlotIndex(std::size_t shards) : shard_mask_(shards - 1), generation_of_(shards), shards_(shards) {
  ensure(0, smallest);
}

void SlotIndex::replace(std::uint64_t hash, Slot from, Slot to) {
  const auto shard = shard_of(hash);
  const MutexLock lock(shards_[shard].lock);
  buckets_of(shard, generation_of(shard)).replace(hash, from, to);
}

void SlotIndex::erase(std::uint64_t hash, Slot slot) {
  const auto shard = shard_of(hash);
  const MutexLock lock(shards_[shard].lock);
  if (!buckets_of(shard, generation_of(shard)).erase(hash, slot)) return;
  auto& size = shards_[shard].size;
  size.store(size.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
}

void SlotIndex::reserve(std::size_t entries) {
  // Shards vary in size: reserve more, or most would grow once again.
  const auto a_shard = entries / shards_.size();
  const auto room = a_shard + a_shard / 16 + 16;
  ensure(1,
         std::max(smallest, static_cast<std::uint32_t>(room * 100 / (SlotBuckets::bucket_slots * 85) + 1)));
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) move_on(shard, 1);
}

void SlotIndex::ensure(std::size_t generation, std::uint32_t buckets_a_shard) {
  const MutexLock lock(growing_);
  if (generation >= max_generations) throw std::length_error("the index is full");
  auto& made = generations_[generation];
  if (made.buckets != nullptr) return;
  auto& pages = memory_[generation].pages;
  pages = HugePages(shards_.size() * buckets_a_shard * sizeof(Bucket));
  made = {static_cast<Bucket*>(pages.data()), buckets_a_shard};
}

void SlotIndex::move_on(std::size_t shard, std::size_t generation) {
  generation_of_[shard].store(static_cast<std::uint8_t>(generation), std::memory_order_release);
  const MutexLock lock(growing_);
  auto& before = memory_[generation - 1];
  if (++before.shards_left == shards_.size()) before.pages.discard();
}

std::size_t SlotIndex::memory_bytes() const {
  std::size_t buckets = 0;
  for (const auto& generation : generation_of_) buckets += generations_[generation].a_shard;
  return buckets * sizeof(Bucket);
}

}  // namespace revoked::engine
