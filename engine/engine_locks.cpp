// Locking and unlocking owners. See engine.hpp and owner_locks.hpp.

#include <algorithm>

#include "engine/engine.hpp"
#include "engine/tables/projection.hpp"

namespace revoked::engine {
namespace {

EventView lock_event(EventType type, Scope scope, std::string_view id, std::string_view reason,
                     const Caller& caller) {
  static constexpr char scopes[] = {0, 1, 2};  // static: the view refers to it
  EventView event;
  event.type = type;
  event.at = now_unix_ms();
  event[Field::owner_scope] = {&scopes[static_cast<std::size_t>(scope)], 1};
  event[Field::owner_id] = id;
  event[Field::reason] = reason;
  set_caller(event, caller);
  return event;
}

Scope named_scope(const EventView& event) { return static_cast<Scope>(event[Field::owner_scope].front()); }

void set_within(EventView& event, const OwnerIds& owners) {
  for (const Scope scope : all_scopes) {
    if (scope != named_scope(event)) event[owner_field(scope)] = owners[static_cast<std::size_t>(scope)];
  }
}

// The combinations of owners to lock or unlock, within the caller's reach.
result<std::vector<OwnerIds>> asked_owners(Scope scope, std::string_view id, std::string_view reason,
                                           const Caller& caller) {
  if (!is_owner_id(id)) return errc::invalid_owner_id;
  if (reason.size() > max_reason_size) return errc::invalid_field;
  auto within = within_reach(caller.reach, scope, id);
  if (within && within->empty()) return errc::out_of_reach;
  return within;
}

}  // namespace

result<ChangedLock> Engine::lock_owner(Scope scope, std::string_view id, UnixMs until,
                                       std::string_view reason, const Caller& caller) {
  if (!started()) return errc::not_ready;
  const auto within = asked_owners(scope, id, reason, caller);
  if (!within) return within.error();
  auto event = lock_event(EventType::owner_locked, scope, id, reason, caller);
  const auto asked_until = until == 0 ? OwnerLocks::forever : until;
  if (asked_until <= event.at) return errc::invalid_field;

  Journal::Turn turn(*journal_);
  if (const auto open = turn.open(); !open) return open.error();
  for (const auto& owners : *within) {
    if (is_limited_elsewhere(caller.reach, scope) && !tables_.has_room_for_lock(scope, owners))
      return errc::too_many_locks;
  }
  ChangedLock locked{journal_->applied(), event.at, OwnerLocks::forever};
  for (const auto& owners : *within) {
    auto stands_until = asked_until;
    if (const auto sequence = lock_within(turn, owners, event, stands_until, width_of(caller.reach)))
      locked.sequence = *sequence;
    locked.until = std::min(locked.until, stands_until);
  }
  if (locked.until == OwnerLocks::forever) locked.until = 0;
  return locked;
}

// Empty if it is already locked like this. Sets `until` to the lock's end.
std::optional<Sequence> Engine::lock_within(Journal::Turn& turn, const OwnerIds& owners, EventView& event,
                                            UnixMs& until, Width by) {
  const auto named = named_scope(event);
  const Slot lock = tables_.find_or_add_lock(named, owners);
  if (tables_.locks.is_held(lock, event.at)) {
    const auto held_by = tables_.locks.locked_by(lock);
    const auto held_until = tables_.locks.until(lock);
    by = widest_of(by, held_by);
    until = std::max(until, held_until);
    if (by == held_by && until == held_until && tables_.locks.was_named(lock, named)) return {};
  }
  set_within(event, owners);
  const auto width = encode_u16(by);
  const auto end = encode_i64(until);
  event[Field::width] = width;
  event[Field::expires_at] = until == OwnerLocks::forever ? std::string_view() : std::string_view(end);
  const auto sequence = turn.append(event);
  resumptions_.relock([&] { apply(tables_, sequence, event); });
  return sequence;
}

result<ChangedLock> Engine::unlock_owner(Scope scope, std::string_view id, std::string_view reason,
                                         const Caller& caller) {
  if (!started()) return errc::not_ready;
  const auto within = asked_owners(scope, id, reason, caller);
  if (!within) return within.error();
  auto event = lock_event(EventType::owner_unlocked, scope, id, reason, caller);

  Journal::Turn turn(*journal_);
  if (const auto open = turn.open(); !open) return open.error();
  std::vector<std::vector<Slot>> locks(within->size());
  for (std::size_t i = 0; i < within->size(); ++i) {
    const auto found = find_locks(scope, (*within)[i], event.at, caller.reach, locks[i]);
    if (!found) return found.error();
  }
  // Nothing to lift: no event. The earlier unlocking may not be synced yet.
  ChangedLock unlocked{journal_->applied(), event.at, 0};
  for (std::size_t i = 0; i < within->size(); ++i) {
    if (locks[i].empty()) continue;
    set_within(event, (*within)[i]);
    unlocked.sequence = turn.append(event);
    for (const Slot lock : locks[i]) resumptions_.lift(unlocked.sequence, lock);
  }
  return unlocked;
}

// Finds the locks to lift.
result<void> Engine::find_locks(Scope scope, const OwnerIds& owners, UnixMs now, const Reach* reach,
                                std::vector<Slot>& locks) const {
  const auto slots = tables_.find_owners(owners);
  if (tables_.is_locked_beyond(scope, slots, now)) return errc::locked_by_wider;
  result<void> may;
  tables_.for_each_lock_to_lift(scope, slots, [&](Slot lock) {
    if (!tables_.locks.is_held(lock, now)) return;
    if (may) may = may_unlock(reach, tables_.locks.locked_by(lock));
    locks.push_back(lock);
  });
  return may;
}

}  // namespace revoked::engine
