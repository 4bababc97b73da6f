#include "engine/tables/owner_locks.hpp"

namespace revoked::engine {

Slot OwnerLocks::find(const OwnerSlots& owners) const {
  return index_.find(hash_of(owners), [&](Slot slot) { return records_[slot].owners == owners; });
}

Slot OwnerLocks::find_or_add(const OwnerSlots& owners) {
  if (const Slot found = find(owners); found != no_slot) return found;
  const Slot slot = records_.add();
  records_[slot].owners = owners;
  index_.insert(hash_of(owners), slot, [&](Slot each) { return hash_of(records_[each].owners); });
  return slot;
}

void OwnerLocks::set(Slot lock, Sequence at, Scope named, UnixMs until, Width by) {
  Record& record = records_[lock];
  const bool is_lifted = record.until.load(std::memory_order_relaxed) == 0 ||
                         (record.last.load(std::memory_order_relaxed) & lifting_bit) != 0;
  const auto listed = record.by.load(std::memory_order_relaxed) >> listed_shift;
  if ((listed & bit_of(named)) == 0) of_owner_[index(named)][record.owners[index(named)]].push_back(lock);
  const auto names = (is_lifted ? 0u : this->named(lock)) | bit_of(named);
  record.by.store(by | names << named_shift | (listed | bit_of(named)) << listed_shift,
                  std::memory_order_relaxed);
  record.until.store(until, std::memory_order_release);
  record.last.store(at, std::memory_order_release);
}

}  // namespace revoked::engine
