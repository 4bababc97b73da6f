#pragma once
// Locks of owners, of one alone or of several together ("user u7 within workspace w1"): while one holds, no
// key that has all of them is active, whenever it was created. A lock holds until it is lifted or expires.
//
// `standing` from any thread, without a mutex. The rest only by the holder of the journal's turn (or while
// loading), except that the journal's thread lifts locks: the callers of `set`, `begin_lift` and `end_lift`
// must serialise them.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <vector>

#include "engine/base/time.hpp"
#include "engine/model/policy.hpp"
#include "engine/tables/joint_marks.hpp"

namespace revoked::engine {

// The combined effect of all locks on a key's owners.
struct StandingLock {
  UnixMs until = 0;        // 0: not locked
  Sequence lifted_by = 0;  // the first event that lifts one of them and is not durable yet; 0: none

  explicit operator bool() const { return until != 0; }
  void add(const StandingLock& other) {
    until = std::max(until, other.until);
    if (other.lifted_by != 0 && (lifted_by == 0 || other.lifted_by < lifted_by)) lifted_by = other.lifted_by;
  }
};

class OwnerLocks {
 public:
  static constexpr UnixMs forever = std::numeric_limits<UnixMs>::max();

  StandingLock standing(const OwnerSlots& owners, UnixMs now) const {
    const Slot lock = find(owners);
    return lock == no_slot ? StandingLock{} : standing(lock, now);
  }
  // `until` is written before `last`, so it is read after it.
  StandingLock standing(Slot lock, UnixMs now) const {
    const Record& record = records_[lock];
    const auto last = record.last.load(std::memory_order_acquire);
    const auto until = record.until.load(std::memory_order_acquire);
    if (until <= now) return {};
    return {until, (last & lifting_bit) != 0 ? last & ~lifting_bit : 0};
  }

  Slot find(const OwnerSlots& owners) const;
  Slot find_or_add(const OwnerSlots& owners);
  // Event `at` sets the lock until `until`. `named` is the owner that the request named; the others narrow
  // it.
  void set(Slot lock, Sequence at, Scope named, UnixMs until, Width by);
  // Event `at` lifts it: begin before the event is durable, end after; end does nothing if it was set since.
  void begin_lift(Slot lock, Sequence at) {
    records_[lock].last.store(at | lifting_bit, std::memory_order_release);
  }
  void end_lift(Slot lock, Sequence at) {
    if (records_[lock].last.load(std::memory_order_relaxed) == (at | lifting_bit)) lift(lock, at);
  }
  void lift(Slot lock, Sequence at) {
    records_[lock].until.store(0, std::memory_order_release);
    records_[lock].last.store(at, std::memory_order_release);
  }
  // The last event whose effect is complete; events up to it need not be applied again.
  Sequence applied_through(Slot lock) const {
    const auto last = records_[lock].last.load(std::memory_order_acquire);
    return (last & lifting_bit) != 0 ? (last & ~lifting_bit) - 1 : last;
  }

  // Whether it holds and no event lifts it, not even one that is not durable yet.
  bool is_held(Slot lock, UnixMs now) const {
    const auto standing = this->standing(lock, now);
    return standing && standing.lifted_by == 0;
  }
  Width locked_by(Slot lock) const { return static_cast<Width>(by(lock)); }
  UnixMs until(Slot lock) const { return records_[lock].until.load(std::memory_order_acquire); }
  bool was_named(Slot lock, Scope scope) const { return (named(lock) & bit_of(scope)) != 0; }

  // Visits the locks of the owner of that scope among `owners` that have at least the other owners too: those
  // that unlocking it lifts.
  template <class Visit>
  void for_each_of(Scope scope, const OwnerSlots& owners, Visit&& visit) const {
    const auto found = of_owner_[index(scope)].find(owners[index(scope)]);
    if (found == of_owner_[index(scope)].end()) return;
    for (const Slot lock : found->second) {
      if (was_named(lock, scope) && is_within(records_[lock].owners, owners)) visit(lock);
    }
  }

  // For checkpoints.
  const OwnerSlots& owners(Slot lock) const { return records_[lock].owners; }
  std::uint8_t named(Slot lock) const { return static_cast<std::uint8_t>(by(lock) >> named_shift); }
  std::size_t size() const { return records_.size(); }
  void restore_end(Slot lock, UnixMs until) {  // 0: it was lifted
    records_[lock].until.store(until, std::memory_order_release);
  }

 private:
  struct Record {
    OwnerSlots owners{no_slot, no_slot, no_slot};
    // A Width; above it two sets of Scope bits: the owners named since it was last lifted, and those whose
    // lists contain it.
    std::atomic<std::uint32_t> by{0};
    std::atomic<UnixMs> until{0};
    // The event that last set or lifted it, with a bit while a lifting event is not durable.
    std::atomic<Sequence> last{0};
  };
  static_assert(sizeof(Record) == 32);

  static constexpr Sequence lifting_bit = Sequence{1} << 63;
  static constexpr int named_shift = 16;
  static constexpr int listed_shift = 24;
  std::uint32_t by(Slot lock) const { return records_[lock].by.load(std::memory_order_relaxed); }
  static std::size_t index(Scope scope) { return static_cast<std::size_t>(scope); }
  static std::uint8_t bit_of(Scope scope) { return static_cast<std::uint8_t>(1u << index(scope)); }
  static bool is_within(const OwnerSlots& some, const OwnerSlots& owners) {
    for (std::size_t i = 0; i < owners.size(); ++i) {
      if (owners[i] != no_slot && owners[i] != some[i]) return false;
    }
    return true;
  }

  Slab<Record> records_;
  SlotIndex index_{64};
  // By Scope: the locks that name an owner. For the holder of the turn.
  std::array<std::unordered_map<Slot, std::vector<Slot>>, 3> of_owner_;
};

}  // namespace revoked::engine
