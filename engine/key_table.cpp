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

void KeyTable::prefetch(std::string_view id, const Digest& digest) const {
  const auto fetch = [](const Shard& shard, std::uint64_t hash) {
    const std::scoped_lock lock(shard.lock);
    shard.index.prefetch(hash);
  };
  const IdProbe probe(id);
  const auto digest_hash = hash_of(head_of(digest));
  fetch((*by_id_)[probe.hash % shard_count], probe.hash);
  fetch((*by_digest_)[digest_hash % shard_count], digest_hash);
}

void KeyTable::prefetch_bucket(const IdProbe& id) const {
  const Shard& in = (*by_id_)[id.hash % shard_count];
  const std::scoped_lock lock(in.lock);
  in.index.prefetch(id.hash);
}

void KeyTable::prefetch_record(const IdProbe& id) const {
  const Shard& in = (*by_id_)[id.hash % shard_count];
  const std::scoped_lock lock(in.lock);
  if (const Slot slot = in.index.likely(id.hash); slot != no_slot) __builtin_prefetch(&records_[slot]);
}

void KeyTable::publish(Slot slot, std::string_view id, const Digest& digest) {
  records_[slot].id = CompactId(IdProbe(id), arena_);
  index_id(slot);
  publish_digest(slot, digest);
}

void KeyTable::index_id(Slot slot) {
  const auto hash = records_[slot].id.hash();
  Shard& in = (*by_id_)[hash % shard_count];
  const std::scoped_lock lock(in.lock);
  in.index.insert(hash, slot, [&](Slot s) { return records_[s].id.hash(); });
}

void KeyTable::redirect(Slot from, Slot to) {
  const auto hash = records_[from].id.hash();
  Shard& in = (*by_id_)[hash % shard_count];
  const std::scoped_lock lock(in.lock);
  in.index.replace(hash, from, to);
}

void KeyTable::publish_digest(Slot slot, const Digest& digest) {
  records_[slot].digest = head_of(digest);
  index_digest(slot);
}

void KeyTable::index_digest(Slot slot) {
  const auto hash = hash_of(records_[slot].digest);
  Shard& in = (*by_digest_)[hash % shard_count];
  const std::scoped_lock lock(in.lock);
  in.index.insert(hash, slot, [&](Slot s) { return hash_of(records_[s].digest); });
}

namespace {

// A record in a checkpoint. Little endian, as the journal.
struct RecordCopy {
  std::array<std::uint8_t, 16> id;
  DigestHead digest;
  std::array<Slot, 3> owners;
  Slot permissions;
  Sequence created;
  std::uint64_t fate;
};
static_assert(sizeof(RecordCopy) == KeyTable::copy_bytes);

}  // namespace

void KeyTable::copy_out(Slot first, std::size_t count, char* out) const {
  for (std::size_t i = 0; i < count; ++i, out += copy_bytes) {
    const KeyRecord& record = records_[first + static_cast<Slot>(i)];
    const RecordCopy copy{record.id.bytes(),  record.digest,  record.owners,
                          record.permissions, record.created, record.packed_fate()};
    std::memcpy(out, &copy, sizeof copy);
  }
}

void KeyTable::reserve(std::size_t count) {
  records_.add_many(count);
  // Shards differ by chance: some room on top, or most would grow once more.
  const auto a_shard = count / shard_count;
  const auto room = a_shard + a_shard / 16 + 16;
  for (auto* const shards : {by_id_.get(), by_digest_.get()}) {
    for (auto& shard : *shards) shard.index.reserve(room);
  }
  complete_.store(records_.size(), std::memory_order_release);
}

void KeyTable::copy_in(Slot first, std::size_t count, const char* in) {
  const Slot end = first + static_cast<Slot>(count);
  for (Slot slot = first; slot != end; ++slot, in += copy_bytes) {
    RecordCopy copy;
    std::memcpy(&copy, in, sizeof copy);
    KeyRecord& record = records_[slot];
    record.id = CompactId::from_bytes(copy.id);
    record.digest = copy.digest;
    record.owners = copy.owners;
    record.permissions = copy.permissions;
    record.created = copy.created;
    record.restore_fate(copy.fate);
  }
  constexpr Slot ahead = 16;
  const auto prefetch = [&](Slot slot) {
    const auto id_hash = records_[slot].id.hash();
    const auto digest_hash = hash_of(records_[slot].digest);
    const auto touch = [](Shard& shard, std::uint64_t hash) {
      const std::scoped_lock lock(shard.lock);
      shard.index.prefetch(hash);
    };
    touch((*by_id_)[id_hash % shard_count], id_hash);
    touch((*by_digest_)[digest_hash % shard_count], digest_hash);
  };
  for (Slot slot = first; slot != end; ++slot) {
    if (end - slot > ahead) prefetch(slot + ahead);
    if (!records_[slot].is_superseded()) index_id(slot);
    index_digest(slot);
  }
}

}  // namespace revoked::engine
