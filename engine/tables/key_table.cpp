#include "engine/tables/key_table.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/read_section.hpp"

namespace revoked::engine {

Slot KeyTable::find_by_id(const IdProbe& probe) const {
  const Slot slot = by_id_.likely(probe.hash);
  return slot != no_slot && records_[slot].id.matches(probe, arena_) ? slot : find_slow(probe);
}

Slot KeyTable::find_slow(const IdProbe& id) const {
  return by_id_.find(id.hash, [&](Slot slot) { return records_[slot].id.matches(id, arena_); });
}

Slot KeyTable::find_slow(DigestHead head) const {
  return by_digest_.find(head.hash(), [&](Slot slot) { return records_[slot].digest == head; });
}

void KeyTable::prefetch(std::string_view id, const Digest& digest) const {
  by_id_.prefetch(IdProbe(id).hash);
  by_digest_.prefetch(DigestHead(digest).hash());
}

void KeyTable::prefetch_bucket(const IdProbe& id) const { by_id_.prefetch(id.hash); }

void KeyTable::prefetch_record(const IdProbe& id) const {
  if (const Slot slot = by_id_.likely(id.hash); slot != no_slot) __builtin_prefetch(&records_[slot]);
}

Slot KeyTable::free_slot() {
  if (free_.empty() && reuse_ && !removed_.empty() && ReadSection::all_ended_since(removed_.front().mark)) {
    free_ = std::move(removed_.front().slots);
    for (auto& id : removed_.front().ids) id.release(arena_);
    removed_.pop_front();
  }
  if (free_.empty() || !reuse_) return records_.add();
  const Slot slot = free_.back();
  free_.pop_back();
  --removed_count_;
  return slot;
}

// The record is complete before it can be found.
void KeyTable::publish(Slot slot, KeyRecord& record, const Digest& digest) {
  record.digest = DigestHead(digest);
  records_[slot].copy_from(record);
  index_digest(slot);
  if (slot >= complete_.load(std::memory_order_relaxed))
    complete_.store(slot + std::size_t{1}, std::memory_order_release);  // there is one writer at a time
}

void KeyTable::remove(std::span<const Slot> secrets) {
  by_id_.erase(records_[secrets.front()].id.hash(), secrets.front());
  for (const Slot slot : secrets) {
    by_digest_.erase(records_[slot].digest.hash(), slot);
    records_[slot].set_removed();
  }
  removed_count_ += secrets.size();
  removing_.slots.insert(removing_.slots.end(), secrets.begin(), secrets.end());
  removing_.ids.push_back(records_[secrets.front()].id);  // shared by all its records
}

void KeyTable::end_removals() {
  if (removing_.slots.empty()) return;
  removing_.mark = ReadSection::unlinked();
  removed_.push_back(std::exchange(removing_, {}));
}

void KeyTable::set_reuse(bool on) {
  reuse_ = on;
  arena_.set_reuse(on);
}

void KeyTable::index_id(Slot slot) {
  by_id_.insert(records_[slot].id.hash(), slot, [&](Slot s) { return records_[s].id.hash(); });
}

void KeyTable::redirect(Slot from, Slot to) { by_id_.replace(records_[from].id.hash(), from, to); }

void KeyTable::index_digest(Slot slot) {
  by_digest_.insert(records_[slot].digest.hash(), slot, [&](Slot s) { return records_[s].digest.hash(); });
}

namespace {

// A record in a checkpoint. Little endian, like the journal.
struct RecordCopy {
  CompactId id;
  DigestHead digest;
  std::array<Slot, 3> owners;
  std::uint32_t terms;
  Sequence created;
  std::uint64_t state_word;
};
static_assert(sizeof(RecordCopy) == KeyTable::copy_bytes);

}  // namespace

void KeyTable::copy_out(Slot first, std::size_t count, char* out) const {
  for (std::size_t i = 0; i < count; ++i, out += copy_bytes) {
    const KeyRecord& record = records_[first + static_cast<Slot>(i)];
    const RecordCopy copy{record.id.without_hash(), record.digest,  record.owners,
                          record.packed_terms(),    record.created, record.packed_state_word()};
    std::memcpy(out, &copy, sizeof copy);
  }
}

void KeyTable::reserve(std::size_t count) {
  records_.add_many(count);
  by_id_.reserve(count);
  by_digest_.reserve(count);
  complete_.store(records_.size(), std::memory_order_release);
}

void KeyTable::copy_in(Slot first, std::size_t count, const char* in) {
  const Slot end = first + static_cast<Slot>(count);
  for (Slot slot = first; slot != end; ++slot, in += copy_bytes) {
    RecordCopy copy;
    std::memcpy(&copy, in, sizeof copy);
    KeyRecord& record = records_[slot];
    record.id = copy.id.with_hash(arena_);
    record.digest = copy.digest;
    record.owners = copy.owners;
    record.restore_terms(copy.terms);
    record.created = copy.created;
    record.restore_state_word(copy.state_word);
  }
  constexpr Slot ahead = 16;
  const auto prefetch = [&](Slot slot) {
    by_id_.prefetch(records_[slot].id.hash());
    by_digest_.prefetch(records_[slot].digest.hash());
  };
  for (Slot slot = first; slot != end; ++slot) {
    if (end - slot > ahead) prefetch(slot + ahead);
    if (records_[slot].is_removed()) continue;
    if (!records_[slot].is_superseded()) index_id(slot);
    index_digest(slot);
  }
}

}  // namespace revoked::engine
