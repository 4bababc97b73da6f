#pragma once
// The owners of one scope: their ids, up to where their keys are revoked, and how many live keys they have.
//
// `find` and the marks from any thread. The rest only by the holder of the journal's turn (or while loading),
// so the counters are exact without a lock.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/slab.hpp"
#include "engine/model/position.hpp"
#include "engine/tables/compact_id.hpp"
#include "engine/tables/slot_index.hpp"

namespace revoked::engine {

class OwnerTable {
 public:
  Slot find(std::string_view id) const;  // no_slot: not found
  Slot find_or_add(std::string_view id);
  void prefetch(std::string_view id) const { index_.prefetch(IdProbe(id).hash); }

  // The not-before mark: every key of the owner created at or before it is revoked. 0: none.
  Sequence revoked_through(Slot owner) const { return mark(owner) & ~flags; }
  // The same, but higher than any sequence if the owner may have joint marks (joint_marks.hpp) or locks
  // (owner_locks.hpp): a look-up compares once if there are none.
  Sequence mark(Slot owner) const { return records_[owner].mark.load(std::memory_order_acquire); }
  bool may_have_joint_marks(Slot owner) const { return (mark(owner) & joint_bit) != 0; }
  void set_has_joint_marks(Slot owner) {
    records_[owner].mark.fetch_or(joint_bit, std::memory_order_acq_rel);
  }
  // Of the owner alone, or of it with others.
  bool may_have_locks(Slot owner) const { return (mark(owner) & lock_bit) != 0; }
  void set_has_locks(Slot owner) { records_[owner].mark.fetch_or(lock_bit, std::memory_order_acq_rel); }
  void append_id(Slot owner, std::string& out) const { records_[owner].id.append_to(out, arena_); }

  // Marks only rise. Returns how many keys this revokes: those that remain. Resets the count.
  std::uint64_t revoke(Slot owner, Sequence through);
  void raise_mark(Slot owner, Sequence through);  // while loading: does not change the count

  // The application and the workspace of all the owner's keys: one, `no_slot` (none), or several.
  static constexpr Slot several_owners = no_slot - 1;
  static constexpr Slot no_key_yet = no_slot - 2;  // has had no key yet
  struct CoOwners {
    Slot application = no_key_yet;
    Slot workspace = no_key_yet;
    bool are_same() const { return application != several_owners && workspace != several_owners; }
  };
  const CoOwners& co_owners(Slot owner) const { return co_owners_[owner]; }
  void add_co_owners(Slot owner, Slot application, Slot workspace) {
    const auto add = [](Slot& known, Slot slot) {
      known = known == no_key_yet || known == slot ? slot : several_owners;
    };
    add(co_owners_[owner].application, application);
    add(co_owners_[owner].workspace, workspace);
  }

  std::uint64_t live_keys(Slot owner) const { return records_[owner].live; }
  bool has_live_keys(Slot owner) const { return live_keys(owner) != 0; }
  void key_created(Slot owner) { ++records_[owner].live; }
  // How many of the live keys are revoked together with another owner: approximate, for reports only.
  void add_jointly_revoked(Slot owner, std::uint64_t count) {
    auto& record = records_[owner];
    record.revoked_jointly =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(record.live, record.revoked_jointly + count));
  }
  void remove_jointly_revoked(Slot owner) {
    records_[owner].revoked_jointly -= records_[owner].revoked_jointly != 0;
  }
  std::uint64_t remaining_keys(Slot owner) const {
    const auto& record = records_[owner];
    return record.live > record.revoked_jointly ? record.live - record.revoked_jointly : 0;
  }
  // Keys from before the mark are no longer counted.
  void key_revoked(Slot owner, Sequence created) {
    if (created > revoked_through(owner)) --records_[owner].live;
  }

  // For checkpoints: an owner's id and mark; its keys are counted again on load.
  CompactId compact_id(Slot owner) const { return records_[owner].id; }
  void restore(const CompactId& id, Sequence revoked_through);  // into the next slot
  IdArena& arena() { return arena_; }
  const IdArena& arena() const { return arena_; }

  void prefetch(Slot owner) const { __builtin_prefetch(&records_[owner]); }
  std::size_t size() const { return records_.size(); }

 private:
  static constexpr Sequence joint_bit = Sequence{1} << 63;
  static constexpr Sequence lock_bit = Sequence{1} << 62;
  static constexpr Sequence flags = joint_bit | lock_bit;
  struct Record {
    CompactId id;
    std::atomic<Sequence> mark{0};
    std::uint32_t live = 0;
    std::uint32_t revoked_jointly = 0;
  };
  static_assert(sizeof(Record) == 32);

  Slot add(const CompactId& id);

  IdArena arena_;
  Slab<Record> records_;
  Slab<CoOwners> co_owners_;  // same slots; separate from what look-ups read
  SlotIndex index_{256};
};

}  // namespace revoked::engine
