#include "engine/tables/owner_table.hpp"

namespace revoked::engine {

Slot OwnerTable::find(std::string_view id) const {
  const IdProbe probe(id);
  return index_.find(probe.hash, [&](Slot slot) { return records_[slot].id.matches(probe, arena_); });
}

Slot OwnerTable::find_or_add(std::string_view id) {
  if (const Slot found = find(id); found != no_slot) return found;
  return add(CompactId(IdProbe(id), arena_));
}

Slot OwnerTable::add(const CompactId& id) {
  const Slot slot = records_.add();
  co_owners_.add();
  records_[slot].id = id;
  index_.insert(id.hash(), slot, [&](Slot s) { return records_[s].id.hash(); });
  return slot;
}

void OwnerTable::restore(const CompactId& id, Sequence revoked_through) {
  raise_mark(add(id.with_hash(arena_)), revoked_through);
}

std::uint64_t OwnerTable::revoke(Slot owner, Sequence through) {
  raise_mark(owner, through);
  const auto remaining = remaining_keys(owner);
  records_[owner].live = records_[owner].revoked_jointly = 0;
  return remaining;
}

void OwnerTable::raise_mark(Slot owner, Sequence through) {
  auto& mark = records_[owner].mark;
  const auto before = mark.load(std::memory_order_relaxed);
  if ((before & ~flags) < through) mark.store((before & flags) | through, std::memory_order_release);
}

}  // namespace revoked::engine
