// The verbs that change existing keys. See engine.hpp.

#include <algorithm>

#include "engine/engine.hpp"
#include "engine/tables/projection.hpp"

namespace revoked::engine {

void set_caller(EventView& event, const Caller& caller) {
  static constexpr char kinds[] = {0, 1, 2, 3};  // static: the view refers to it
  if (caller.actor_kind != ActorKind::unknown)
    event[Field::actor_kind] = {&kinds[static_cast<std::size_t>(caller.actor_kind)], 1};
  event[Field::actor] = caller.actor.substr(0, max_caller_size);
  event[Field::address] = caller.address.substr(0, max_caller_size);
  event[Field::request_id] = caller.request_id.substr(0, max_caller_size);
}

EventView key_event(EventType type, UnixMs at, std::string_view reason, const Caller& caller) {
  EventView event;
  event.type = type;
  event.at = at;
  event[Field::reason] = reason;
  set_caller(event, caller);
  return event;
}

void set_key(EventView& event, const Decision& names) {
  event[Field::key_id] = names.key_id;
  for (const Scope scope : all_scopes) event[owner_field(scope)] = names.owner(scope);
}

result<RevokedKey> Engine::revoke(std::string_view key_id, std::string_view reason, const Caller& caller) {
  if (!started()) return errc::not_ready;
  const ReadSection section;
  const Slot slot = tables_.keys.find_by_id(key_id);
  if (slot == no_slot) return revoke_forgotten(Forgotten::id, key_id, reason, caller);
  return revoke_slot(slot, Named::by_id, reason, caller);
}

result<RevokedKey> Engine::revoke(const Digest& digest, std::string_view reason, const Caller& caller) {
  if (!started()) return errc::not_ready;
  const ReadSection section;
  const Slot slot = tables_.keys.find_by_digest(digest);
  if (slot == no_slot) return revoke_forgotten(Forgotten::secret, head_of(digest), reason, caller);
  return revoke_slot(slot, Named::by_secret, reason, caller);
}

result<RevokedKey> Engine::revoke_slot(Slot slot, Named named, std::string_view reason,
                                       const Caller& caller) {
  if (reason.size() > max_reason_size) return errc::invalid_field;
  if (!is_within(slot, caller)) return errc::not_found;
  const auto at = now_unix_ms();
  thread_local std::string event;
  event.clear();
  encode_revocation(slot, named, at, reason, caller, event);
  Journal::Turn turn(*journal_);
  if (const auto open = turn.open(); !open) return open.error();
  slot = tables_.newest_of(slot);
  if (slot == no_slot) return errc::not_recalled;
  if (const auto by = tables_.revoked_by(tables_.keys[slot]); by != 0) return RevokedKey{by, 0, true};
  return RevokedKey{append_revocation(turn, slot, event), at, false};
}

void Engine::encode_revocation(Slot key, Named named, UnixMs at, std::string_view reason,
                               const Caller& caller, std::string& out) const {
  thread_local Decision names;
  tables_.describe(key, names);
  auto event = key_event(EventType::key_revoked, at, reason, caller);
  set_key(event, names);
  if (named == Named::by_secret) event[Field::exposed] = "1";
  append_event(out, event);
}

Sequence Engine::append_revocation(Journal::Turn& turn, Slot key, std::string_view event) {
  EventView revoked;
  revoked.type = EventType::key_revoked;
  const auto sequence = turn.append_encoded(event);
  apply_to(tables_, key, sequence, revoked);
  return sequence;
}

result<RevokedOwner> Engine::revoke_owner(Scope scope, std::string_view id, std::string_view reason,
                                          const Caller& caller) {
  if (!started()) return errc::not_ready;
  if (!is_owner_id(id)) return errc::invalid_owner_id;
  if (reason.size() > max_reason_size) return errc::invalid_field;
  const auto within = within_reach(caller.reach, scope, id);
  if (!within) return within.error();
  const char scope_byte = static_cast<char>(scope);
  EventView event;
  event.type = EventType::owner_revoked;
  event.at = now_unix_ms();
  event[Field::owner_scope] = {&scope_byte, 1};
  event[Field::owner_id] = id;
  event[Field::reason] = reason;
  set_caller(event, caller);

  Journal::Turn turn(*journal_);
  if (const auto open = turn.open(); !open) return open.error();
  const Slot owner = tables_.of(scope).find(id);
  // Nothing to revoke: no event, as repeating a request has one effect. The earlier one may not be synced
  // yet.
  if (owner == no_slot || within->empty()) return RevokedOwner{0, event.at, journal_->applied()};
  if (!is_limited_elsewhere(caller.reach, scope)) return revoke_whole(turn, scope, owner, event);
  return revoke_within(turn, *within, event);
}

RevokedOwner Engine::revoke_whole(Journal::Turn& turn, Scope scope, Slot owner, const EventView& event) {
  if (!tables_.of(scope).has_live_keys(owner)) return {0, event.at, journal_->applied()};
  const auto sequence = turn.append(event);
  return {apply(tables_, sequence, event), event.at, sequence};
}

RevokedOwner Engine::revoke_within(Journal::Turn& turn, std::span<const OwnerIds> several, EventView event) {
  RevokedOwner revoked{0, event.at, journal_->applied()};
  const auto scope = static_cast<Scope>(event[Field::owner_scope].front());
  for (const auto& owners : several) {
    const auto slots = tables_.find_joint(owners);
    if (!slots || tables_.count_joint(*slots).at_most == 0) continue;
    for (const Scope each : all_scopes) {
      if (each != scope) event[owner_field(each)] = owners[static_cast<std::size_t>(each)];
    }
    revoked.sequence = turn.append(event);
    revoked.keys += apply(tables_, revoked.sequence, event);
  }
  return revoked;
}

template <class Change>
result<ChangedKey> Engine::change_state(EventType type, std::string_view key_id, std::string_view reason,
                                        const Caller& caller, const Change& change) {
  const ReadSection section;
  Decision names;
  auto event = key_event(type, now_unix_ms(), reason, caller);
  const auto found = find_changeable(key_id, caller, names, event);
  if (!found) return found.error();
  Journal::Turn turn(*journal_);
  if (const auto open = turn.open(); !open) return open.error();
  const Slot slot = tables_.keys.find_by_id(key_id);
  if (slot == no_slot) return errc::not_recalled;
  if (tables_.revoked_by(tables_.keys[slot]) != 0) return errc::already_revoked;
  return change(turn, slot, names, event);
}

result<ChangedKey> Engine::suspend(std::string_view key_id, std::string_view reason, const Caller& caller) {
  return change_state(
      EventType::key_suspended, key_id, reason, caller,
      [&](Journal::Turn& turn, Slot slot, const Decision&, EventView& event) -> result<ChangedKey> {
        const KeyRecord& key = tables_.keys[slot];
        Width by = width_of(caller.reach);
        if (key.is_suspended() && !resumptions_.is_pending(slot)) {
          by = widest_of(by, key.suspended_by());
          if (by == key.suspended_by()) return ChangedKey{journal_->applied(), event.at};
        }
        const auto width = encode_u16(by);
        event[Field::width] = width;
        const ChangedKey changed{turn.append(event), event.at};
        resumptions_.drop(slot);
        apply_to(tables_, slot, changed.sequence, event);
        return changed;
      });
}

result<ChangedKey> Engine::resume(std::string_view key_id, std::string_view reason, const Caller& caller) {
  return change_state(
      EventType::key_resumed, key_id, reason, caller,
      [&](Journal::Turn& turn, Slot slot, const Decision& names, EventView& event) -> result<ChangedKey> {
        const KeyRecord& key = tables_.keys[slot];
        const bool is_held = key.is_suspended() && !resumptions_.is_pending(slot);
        if (caller.principal != nullptr) {
          const auto by = is_held ? key.suspended_by() : width_of(caller.reach);
          auto powers = powers_of(names);
          powers.permissions = tables_.permission_sets.get(edits_.latest(slot).permissions);
          if (const auto may = may_resume(*caller.principal, powers, by); !may) return may.error();
        }
        if (!is_held) return ChangedKey{journal_->applied(), event.at};
        const ChangedKey changed{turn.append(event), event.at};
        resumptions_.add(changed.sequence, slot);
        return changed;
      });
}

result<RotatedKey> Engine::rotate(std::string_view key_id, const Digest& digest, UnixMs grace_ms,
                                  const Caller& caller) {
  const ReadSection section;
  Decision names;
  auto event = key_event(EventType::key_rotated, now_unix_ms(), {}, caller);
  const auto found = find_changeable(key_id, caller, names, event);
  if (!found) return found.error();
  event[Field::digest] = octets_of(digest);
  Journal::Turn turn(*journal_);
  if (const auto open = turn.open(); !open) return open.error();
  const Slot slot = tables_.keys.find_by_id(key_id);
  if (slot == no_slot) return errc::not_recalled;
  const auto state = tables_.state_of(tables_.keys[slot], event.at);
  if (state == KeyState::revoked) return errc::already_revoked;
  if (state != KeyState::active) return errc::not_active;
  if (edits_.is_pending(slot)) return errc::overloaded;
  const auto [permissions, expires_at] = tables_.terms_of(slot);
  if (caller.principal != nullptr) {
    auto powers = powers_of(names);
    powers.permissions = tables_.permission_sets.get(permissions);
    powers.expires_at = expires_at;
    if (const auto may = may_rotate(*caller.principal, powers); !may) return may.error();
  }
  if (tables_.keys.find_by_digest(digest) != no_slot) return errc::already_exists;
  const auto grace_end = event.at + grace_ms;
  const auto old_ends_at = expires_at == 0 ? grace_end : std::min(expires_at, grace_end);
  const auto until = encode_i64(old_ends_at);
  event[Field::grace_until] = until;
  const RotatedKey rotated{turn.append(event), old_ends_at};
  apply_to(tables_, slot, rotated.sequence, event);
  return rotated;
}

// The part of a change before the turn. `names` owns the texts that the event views.
result<void> Engine::find_changeable(std::string_view key_id, const Caller& caller, Decision& names,
                                     EventView& event) const {
  if (!started()) return errc::not_ready;
  if (event[Field::reason].size() > max_reason_size) return errc::invalid_field;
  const Slot slot = tables_.keys.find_by_id(key_id);
  if (slot == no_slot) {
    const auto key = forgotten(Forgotten::id, key_id, caller);
    if (!key) return key.error();
    if (*key == nullptr) return errc::not_found;
    return (*key)->revoked_by != 0 ? errc::already_revoked : errc::not_active;
  }
  tables_.describe(slot, names);
  if (caller.reach != nullptr && !caller.reach->covers(names.owners)) return errc::not_found;
  set_key(event, names);
  return {};
}

}  // namespace revoked::engine
