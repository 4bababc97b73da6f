#include "cache/edge/near_cache_store.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace revoked::cache {
namespace {

using Slot = NearCacheStore::Slot;
using State = Decision::State;

// When the decision ends without any event.
UnixMs end_of(const Decision& decision) {
  constexpr auto never = EntryFacts::never;
  switch (decision.state) {
    case State::active:
      return decision.expires_at.value_or(never);
    case State::expired:
      return decision.expires_at.value_or(0);  // already ended
    case State::locked:
      return std::min(decision.locked_until.value_or(never), decision.expires_at.value_or(never));
    default:
      return never;
  }
}

}  // namespace

NearCacheStore::NearCacheStore(NearCacheTable& table, std::size_t max_long_bytes)
    : table_(table),
      max_long_bytes_(max_long_bytes),
      by_key_(table.entries.size()),
      slots_(table.entries.size()) {}

Slot NearCacheStore::find(DigestHead digest) const {
  return table_.by_digest.find(digest.hash(),
                               [&](Slot slot) { return table_.entries[slot].digest() == digest.words; });
}

const std::vector<Slot>& NearCacheStore::find_key(std::string_view key_id, std::uint64_t hash) {
  of_key_.clear();
  by_key_.find(hash, [&](Slot slot) {
    if (with_ids(slot, [&](const Ids& ids) { return ids[0] == key_id; })) of_key_.push_back(slot);
    return false;
  });
  return of_key_;
}

std::uint64_t NearCacheStore::key_of(Slot slot) const {
  return with_ids(slot, [](const Ids& ids) { return hash_key(ids[0]); });
}

OwnerHashes NearCacheStore::owners_of(Slot slot) const {
  return with_ids(slot, [](const Ids& ids) { return hash_owners(ids); });
}

bool NearCacheStore::can_hold(const Decision& decision) const {
  const auto ids = ids_of(decision);
  return decision.as_of.epoch <= EntryFacts::max_epoch && ids.front().size() <= engine::max_key_id_size &&
         std::all_of(ids.begin() + 1, ids.end(),
                     [](auto id) { return id.size() <= engine::max_owner_id_size; }) &&
         LongDecisions::bytes_of(decision) <= max_long_bytes_;
}

void NearCacheStore::put(Slot slot, DigestHead digest, Decision decision, const IdHashes& ids,
                         OwnerChanges::Version checked) {
  const bool is_new = slot == none;
  if (is_new) {
    slot = take_slot();
  } else {
    by_key_.erase(key_of(slot), slot);
    long_decisions_.erase(slot);
  }
  EntryFacts facts;
  facts.as_of = decision.as_of;
  facts.state = decision.state;
  facts.expires_at = end_of(decision);
  facts.checked = checked;
  facts.owners = OwnerChanges::places_of(ids.owners);
  const auto text = table_.permissions.intern(decision.permissions);
  facts.permissions = text.value_or(0);
  PackedIds packed;
  facts.is_long = !pack(ids_of(decision), packed) || !text;
  table_.entries[slot].write(digest, facts, packed);
  by_key_.insert(ids.key, slot);
  if (is_new) table_.entries[slot].begin_use(table_.use_mark.load(std::memory_order_relaxed));
  if (is_new) table_.by_digest.insert(digest.hash(), slot);
  if (!facts.is_long) return;
  long_decisions_.put(slot, std::move(decision));
  while (long_decisions_.bytes() > max_long_bytes_) remove(long_decisions_.oldest());
}

Slot NearCacheStore::take_slot() {
  const auto slot = slots_.take();
  if (slot != none) return slot;
  remove(slots_.next_to_evict([this](Slot candidate) { return table_.entries[candidate].take_used(); }));
  return slots_.take();
}

void NearCacheStore::remove(Slot slot) {
  auto& entry = table_.entries[slot];
  table_.by_digest.erase(DigestHead(entry.digest()).hash(), slot);
  by_key_.erase(key_of(slot), slot);
  long_decisions_.erase(slot);
  entry.begin_use(0);
  slots_.give_back(slot);
}

void NearCacheStore::clear() {
  table_.by_digest.clear();
  by_key_.clear();
  long_decisions_.clear();
  slots_.clear();
}

}  // namespace revoked::cache
