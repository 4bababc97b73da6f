#pragma once
// The owners of one scope: who they are, up to where their keys are revoked, and how many live keys they
// have.
//
// `find` and `revoked_through` from any thread. The rest only by whoever holds the journal's turn (or while
// loading): that makes the counters exact without a lock of their own.

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/compact_id.hpp"
#include "engine/position.hpp"
#include "engine/slab.hpp"
#include "engine/slot_index.hpp"

namespace revoked::engine {

class OwnerTable {
 public:
  Slot find(std::string_view id) const;  // no_slot if there is none
  Slot find_or_add(std::string_view id);
  void prefetch(std::string_view id) const { index_.prefetch(IdProbe(id).hash); }

  // The not-before mark: every key of the owner created at or before it is revoked. 0: none.
  Sequence revoked_through(Slot owner) const {
    return records_[owner].revoked_through.load(std::memory_order_acquire);
  }
  void append_id(Slot owner, std::string& out) const { records_[owner].id.append_to(out, arena_); }

  // Marks only rise. Answers how many keys this revokes: those that count as live. Starts the count anew.
  std::uint64_t revoke(Slot owner, Sequence through);
  void raise_mark(Slot owner, Sequence through);  // while loading: leaves the count alone

  // Which workspace the owner's keys are in: one, `no_slot` (none), or several.
  static constexpr Slot several_homes = no_slot - 1;
  Slot home(Slot owner) const { return records_[owner].home; }
  void settle(Slot owner, Slot workspace) {
    auto& home = records_[owner].home;
    home = home == homeless || home == workspace ? workspace : several_homes;
  }

  std::uint64_t live_keys(Slot owner) const { return records_[owner].live; }
  bool has_live_keys(Slot owner) const { return live_keys(owner) != 0; }
  void key_created(Slot owner) { ++records_[owner].live; }
  // Keys from before the mark are not counted any more.
  void key_revoked(Slot owner, Sequence created) {
    if (created > revoked_through(owner)) --records_[owner].live;
  }

  // For checkpoints: an owner's id and mark; its keys are counted anew.
  CompactId compact_id(Slot owner) const { return records_[owner].id; }
  void restore(const CompactId& id, Sequence revoked_through);  // the next one
  IdArena& arena() { return arena_; }
  const IdArena& arena() const { return arena_; }

  void prefetch(Slot owner) const { __builtin_prefetch(&records_[owner]); }
  std::size_t size() const { return records_.size(); }

 private:
  static constexpr Slot homeless = no_slot - 2;  // has had no key yet
  struct Record {
    CompactId id;
    std::atomic<Sequence> revoked_through{0};
    std::uint32_t live = 0;
    Slot home = homeless;
  };
  static_assert(sizeof(Record) == 32);

  Slot add(const CompactId& id);

  IdArena arena_;
  Slab<Record> records_;
  SlotIndex index_{256};
};

}  // namespace revoked::engine
