#pragma once
// The entries of the near cache, found by digest and by key, with what does not fit into them. Bounded:
// evicts entries that have not been used. Knows no events.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cache/edge/long_decisions.hpp"
#include "cache/edge/near_cache_entry.hpp"
#include "cache/edge/near_cache_hashes.hpp"
#include "cache/edge/near_cache_index.hpp"
#include "cache/edge/near_cache_slots.hpp"
#include "cache/edge/owner_changes.hpp"
#include "cache/edge/permission_texts.hpp"
#include "engine/base/huge_pages.hpp"

namespace revoked::cache {

// What look-ups read without a lock. Written by one thread at a time.
struct NearCacheTable {
  explicit NearCacheTable(std::size_t max_entries) : by_digest(max_entries), entries(max_entries) {}

  NearCacheIndex by_digest;
  engine::HugeArray<Entry> entries;
  PermissionTexts permissions;
  std::atomic<UseMark> use_mark{UseMarks::at(0)};  // of the current minute
};

// Reads and writes the table, and keeps the rest. One thread at a time. `table` must outlive it.
class NearCacheStore {
 public:
  using Slot = NearCacheIndex::Slot;
  static constexpr Slot none = NearCacheIndex::none;

  NearCacheStore(NearCacheTable& table, std::size_t max_long_bytes);

  Slot find(DigestHead digest) const;
  // All entries of the key. Valid until the next call.
  const std::vector<Slot>& find_key(std::string_view key_id, std::uint64_t hash);
  void prefetch_key(std::uint64_t hash) const { by_key_.prefetch(hash); }

  OwnerHashes owners_of(Slot slot) const;
  // Of an entry that is_long.
  const LongDecisions::Pointer& long_decision(Slot slot) const { return *long_decisions_.find(slot); }

  bool can_hold(const Decision& decision) const;
  // Writes the decision, checked against the marks of `checked`, to the digest's slot, or to another one if
  // that is `none`.
  void put(Slot slot, DigestHead digest, Decision decision, const IdHashes& ids,
           OwnerChanges::Version checked);
  void remove(Slot slot);
  // The key of an entry that was used since this was last called for it, as an active key that has not
  // expired at `now`: calls visit(key_id, mark).
  template <class Visit>
  void take_use(Slot slot, UnixMs now, Visit&& visit);
  void clear();

  std::size_t size() const { return slots_.in_use(); }
  std::size_t slots_used() const { return slots_.taken(); }  // the slots above were never used
  std::size_t long_bytes() const { return long_decisions_.bytes(); }

 private:
  template <class Use>
  auto with_ids(Slot slot, Use&& use) const;
  std::uint64_t key_of(Slot slot) const;
  Slot take_slot();

  NearCacheTable& table_;
  const std::size_t max_long_bytes_;
  NearCacheIndex by_key_;
  NearCacheSlots slots_;
  LongDecisions long_decisions_;
  std::vector<Slot> of_key_;  // reused to avoid allocation
};

template <class Visit>
void NearCacheStore::take_use(Slot slot, UnixMs now, Visit&& visit) {
  auto& entry = table_.entries[slot];
  if (find(DigestHead(entry.digest())) != slot) return;
  const auto facts = entry.facts();
  const auto mark = entry.take_unreported_use();
  if (facts.state == Decision::State::active && facts.expires_at > now)
    with_ids(slot, [&](const Ids& ids) { visit(ids[0], mark); });
}

template <class Use>
auto NearCacheStore::with_ids(Slot slot, Use&& use) const {
  if (const auto* const decision = long_decisions_.find(slot)) return use(ids_of(**decision));
  const auto packed = table_.entries[slot].ids();
  std::array<IdBuffer, 4> buffers;
  Ids ids;
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = unpack(packed, i, buffers[i]);
  return use(ids);
}

}  // namespace revoked::cache
