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

// Three steps a key, a distance apart, so that what each reads has arrived: its bucket is fetched; the likely
// slot is taken from there and its record fetched; the record is compared. Slots under a digest never change
// and records never move, so the last step needs no lock.
void KeyTable::find_by_digest(std::span<const Digest> digests, std::span<Slot> slots) const {
  constexpr std::size_t distance = 12;
  const auto with_index = [&](std::size_t i, auto&& use) {
    const auto hash = hash_of(head_of(digests[i]));
    const Shard& in = (*by_digest_)[hash % shard_count];
    const std::scoped_lock lock(in.lock);
    return use(in.index, hash);
  };
  const auto fetch_bucket = [&](std::size_t i) {
    with_index(i, [](const SlotIndex& index, std::uint64_t hash) { index.prefetch(hash); });
  };
  const auto fetch_record = [&](std::size_t i) {
    slots[i] = with_index(i, [](const SlotIndex& index, std::uint64_t hash) { return index.likely(hash); });
    if (slots[i] != no_slot) __builtin_prefetch(&records_[slots[i]]);
  };
  const auto size = digests.size();
  for (std::size_t step = 0; step < size + 2 * distance; ++step) {
    if (step < size) fetch_bucket(step);
    if (step >= distance && step - distance < size) fetch_record(step - distance);
    if (step < 2 * distance) continue;
    const auto i = step - 2 * distance;
    if (slots[i] == no_slot || records_[slots[i]].digest != head_of(digests[i])) {
      slots[i] = find_by_digest(digests[i]);
    }
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
