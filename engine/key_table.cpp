#include "engine/key_table.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>

namespace revoked::engine {
namespace {

DigestHead head_of(const Digest& digest) {
  DigestHead head;
  std::copy_n(digest.begin(), head.size(), head.begin());
  return head;
}

// A digest is its own hash.
std::uint64_t hash_of(const DigestHead& head) {
  std::uint64_t hash;
  std::memcpy(&hash, head.data(), sizeof hash);
  return hash;
}

}  // namespace

Slot KeyTable::find_by_id(std::string_view id) const {
  const IdProbe probe(id);
  const Shard& in = (*by_id_)[probe.hash % shard_count];
  const std::scoped_lock lock(in.lock);
  return in.index.find(probe.hash, [&](Slot slot) { return records_[slot].id.matches(probe, arena_); });
}

Slot KeyTable::find_digest(std::uint64_t hash, const DigestHead& head) const {
  const Shard& in = (*by_digest_)[hash % shard_count];
  const std::scoped_lock lock(in.lock);
  return in.index.find(hash, [&](Slot slot) { return records_[slot].digest == head; });
}

Slot KeyTable::find_by_digest(const Digest& digest) const {
  const auto head = head_of(digest);
  return find_digest(hash_of(head), head);
}

void KeyTable::find_by_digest(std::span<const Digest> digests, std::span<Slot> slots) const {
  constexpr std::size_t ahead = 16;
  const auto prefetch = [&](std::size_t i) {
    const auto hash = hash_of(head_of(digests[i]));
    const Shard& in = (*by_digest_)[hash % shard_count];
    const std::scoped_lock lock(in.lock);
    in.index.prefetch(hash);
  };
  for (std::size_t i = 0; i < std::min(ahead, digests.size()); ++i) prefetch(i);
  for (std::size_t i = 0; i < digests.size(); ++i) {
    if (i + ahead < digests.size()) prefetch(i + ahead);
    slots[i] = find_by_digest(digests[i]);
  }
}

void KeyTable::publish(Slot slot, std::string_view id, const Digest& digest) {
  const IdProbe probe(id);
  records_[slot].id = CompactId(probe, arena_);
  {
    Shard& in = (*by_id_)[probe.hash % shard_count];
    const std::scoped_lock lock(in.lock);
    in.index.insert(probe.hash, slot, [&](Slot s) { return records_[s].id.hash(); });
  }
  publish_digest(slot, digest);
}

void KeyTable::redirect(Slot from, Slot to) {
  const auto hash = records_[from].id.hash();
  Shard& in = (*by_id_)[hash % shard_count];
  const std::scoped_lock lock(in.lock);
  in.index.replace(hash, from, to);
}

void KeyTable::publish_digest(Slot slot, const Digest& digest) {
  const auto head = head_of(digest);
  records_[slot].digest = head;
  const auto hash = hash_of(head);
  Shard& in = (*by_digest_)[hash % shard_count];
  const std::scoped_lock lock(in.lock);
  in.index.insert(hash, slot, [&](Slot s) { return hash_of(records_[s].digest); });
}

}  // namespace revoked::engine
