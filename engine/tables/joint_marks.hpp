#pragma once
// Not-before marks of keys that have several owners together ("user u7 within workspace w1"): every key that
// has all of them and was created at or before the mark is revoked. Also the number of live keys, for
// combinations where it is counted (see Tables).
//
// `find` and `revoked_through` from any thread. The rest only by the holder of the journal's turn (or while
// loading).

#include <array>
#include <atomic>
#include <cstdint>

#include "engine/base/keyed_hash.hpp"
#include "engine/base/slab.hpp"
#include "engine/model/ids.hpp"
#include "engine/model/position.hpp"
#include "engine/tables/slot_index.hpp"

namespace revoked::engine {

// By Scope; no_slot: any, or none.
using OwnerSlots = std::array<Slot, 3>;

inline std::uint64_t hash_of(const OwnerSlots& owners) {
  return keyed_hash({std::uint64_t{owners[0]} << 32 | owners[1], owners[2]});
}

// Calls visit(owners) for every combination of two or three of a key's owners: those with the user if
// `of_user`, otherwise the others. At most three.
template <class Visit>
void for_each_joint(const OwnerSlots& key, bool of_user, Visit&& visit) {
  const auto& [user, application, workspace] = key;
  if (!of_user) {
    if (application != no_slot && workspace != no_slot) visit(OwnerSlots{no_slot, application, workspace});
    return;
  }
  if (user == no_slot) return;
  if (application != no_slot) visit(OwnerSlots{user, application, no_slot});
  if (workspace != no_slot) visit(OwnerSlots{user, no_slot, workspace});
  if (application != no_slot && workspace != no_slot) visit(key);
}

class JointMarks {
 public:
  Slot find(const OwnerSlots& owners) const {
    return index_.find(hash_of(owners), [&](Slot slot) { return records_[slot].owners == owners; });
  }
  // 0: none.
  Sequence revoked_through(const OwnerSlots& owners) const {
    const Slot slot = find(owners);
    return slot == no_slot ? 0 : revoked_through(slot);
  }
  Sequence revoked_through(Slot slot) const {
    return records_[slot].revoked_through.load(std::memory_order_acquire);
  }

  Slot find_or_add(const OwnerSlots& owners) {
    if (const Slot found = find(owners); found != no_slot) return found;
    const Slot slot = records_.add();
    records_[slot].owners = owners;
    index_.insert(hash_of(owners), slot, [&](Slot each) { return hash_of(records_[each].owners); });
    return slot;
  }
  void raise_mark(Slot slot, Sequence through) {  // marks only rise
    auto& mark = records_[slot].revoked_through;
    if (mark.load(std::memory_order_relaxed) < through) mark.store(through, std::memory_order_release);
  }

  // The number of keys created after `since` and not revoked by their own event. Revoking all keys up to some
  // sequence raises `since`.
  struct Count {
    std::uint32_t live = 0;
    Sequence since = 0;
  };
  Count count(Slot slot) const { return {records_[slot].live, records_[slot].since}; }
  void set_count(Slot slot, Count count) {
    records_[slot].live = count.live;
    records_[slot].since = count.since;
  }

  const OwnerSlots& owners(Slot slot) const { return records_[slot].owners; }
  std::size_t size() const { return records_.size(); }

 private:
  struct Record {
    OwnerSlots owners{no_slot, no_slot, no_slot};
    std::uint32_t live = 0;
    Sequence since = 0;
    std::atomic<Sequence> revoked_through{0};
  };
  static_assert(sizeof(Record) == 32);

  Slab<Record> records_;
  SlotIndex index_{64};
};

}  // namespace revoked::engine
