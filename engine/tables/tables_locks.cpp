// Locks of owners. See tables.hpp and owner_locks.hpp.

#include <algorithm>

#include "engine/tables/tables.hpp"

namespace revoked::engine {
namespace {

std::size_t count_of(const OwnerSlots& owners) {
  return static_cast<std::size_t>(
      std::count_if(owners.begin(), owners.end(), [](Slot slot) { return slot != no_slot; }));
}

OwnerSlots alone(const OwnerSlots& owners, std::size_t i) {
  OwnerSlots one{no_slot, no_slot, no_slot};
  one[i] = owners[i];
  return one;
}

constexpr Slot unknown_owner = no_slot - 1;

std::uint8_t bit_of(Scope scope) { return static_cast<std::uint8_t>(1u << static_cast<unsigned>(scope)); }

}  // namespace

// The combined lock of a key with these owners.
StandingLock Tables::standing_lock(const OwnerSlots& together, UnixMs now) const {
  StandingLock found;
  for (const Scope scope : all_scopes) {
    const auto i = static_cast<std::size_t>(scope);
    if (together[i] != no_slot && of(scope).may_have_locks(together[i]))
      found.add(locks.standing(alone(together, i), now));
  }
  for (const bool of_user : {true, false}) {
    const Slot owner = together[static_cast<std::size_t>(of_user ? Scope::user : Scope::application)];
    if (owner == no_slot || !counting(of_user).may_have_locks(owner)) continue;
    for_each_joint(together, of_user, [&](const OwnerSlots& some) { found.add(locks.standing(some, now)); });
  }
  return found;
}

// The lock first: a reader that sees the owner's bit must find the lock.
void Tables::set_has_locks(const OwnerSlots& together) {
  for (const Scope scope : all_scopes) {
    const Slot owner = together[static_cast<std::size_t>(scope)];
    if (owner == no_slot) continue;
    of(scope).set_has_locks(owner);
    return;  // for several: the user, or else the application
  }
}

bool Tables::is_bare(const OwnerSlots& together) {
  return count_of(together) > 1 && count_joint(together).at_most == 0;
}

bool Tables::has_room_for_lock(Scope named, const OwnerIds& ids) {
  const auto together = find_joint(ids);
  if (together && (locks.find(*together) != no_slot || !is_bare(*together))) return true;
  for (const Scope scope : all_scopes) {
    const auto i = static_cast<std::size_t>(scope);
    if (scope == named || ids[i].empty()) continue;
    const auto counted = bare_locks_[i].find(of(scope).find(ids[i]));
    if (counted != bare_locks_[i].end() && counted->second >= max_bare_locks_an_owner) return false;
  }
  return true;
}

void Tables::charge_lock(std::uint8_t named, const OwnerSlots& together) {
  if (!is_bare(together)) return;
  for (const Scope scope : all_scopes) {
    const auto i = static_cast<std::size_t>(scope);
    if (together[i] != no_slot && (named & bit_of(scope)) == 0) ++bare_locks_[i][together[i]];
  }
}

Slot Tables::find_or_add_lock(Scope named, const OwnerIds& ids) {
  const auto together = find_or_add_owners(ids);
  if (const Slot lock = locks.find(together); lock != no_slot) return lock;
  charge_lock(bit_of(named), together);
  const Slot lock = locks.find_or_add(together);
  set_has_locks(together);
  return lock;
}

OwnerSlots Tables::find_owners(const OwnerIds& ids) const {
  OwnerSlots slots{no_slot, no_slot, no_slot};
  for (const Scope scope : all_scopes) {
    const auto i = static_cast<std::size_t>(scope);
    if (ids[i].empty()) continue;
    slots[i] = of(scope).find(ids[i]);
    if (slots[i] == no_slot) slots[i] = unknown_owner;
  }
  return slots;
}

bool Tables::is_locked_beyond(Scope named, const OwnerSlots& together, UnixMs now) const {
  for (unsigned left_out = 1; left_out < 8; ++left_out) {
    if ((left_out & bit_of(named)) != 0) continue;
    auto some = together;
    for (std::size_t i = 0; i < some.size(); ++i) {
      if ((left_out >> i & 1) != 0) some[i] = no_slot;
    }
    if (some == together) continue;
    if (const Slot lock = locks.find(some); lock != no_slot && locks.is_held(lock, now)) return true;
  }
  return false;
}

void Tables::lock_owners(Sequence at, Scope named, const OwnerIds& ids, UnixMs until, Width by) {
  const Slot lock = find_or_add_lock(named, ids);
  if (locks.applied_through(lock) < at) locks.set(lock, at, named, until, by);
}

void Tables::unlock_owners(Sequence at, Scope named, const OwnerIds& ids) {
  for_each_lock_to_lift(named, find_owners(ids), [&](Slot lock) {
    if (locks.applied_through(lock) < at) locks.lift(lock, at);
  });
}

void Tables::restore_lock(const OwnerSlots& together, Sequence at, std::uint8_t named, UnixMs until,
                          Width by) {
  const Slot lock = locks.find_or_add(together);
  for (const Scope scope : all_scopes) {
    if ((named & bit_of(scope)) != 0) locks.set(lock, at, scope, OwnerLocks::forever, by);
  }
  locks.restore_end(lock, until);
  set_has_locks(together);
}

}  // namespace revoked::engine
