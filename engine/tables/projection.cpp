#include "engine/tables/projection.hpp"

namespace revoked::engine {
namespace {

void apply_lock(Tables& tables, Sequence sequence, const EventView& event) {
  const auto owners = named_owners(event);
  if (!owners) return;
  const auto named = static_cast<Scope>(event[Field::owner_scope].front());
  if (event.type == EventType::owner_unlocked) return tables.unlock_owners(sequence, named, *owners);
  tables.lock_owners(sequence, named, *owners, decode_i64(event[Field::expires_at], OwnerLocks::forever),
                     decode_u16(event[Field::width], 0));
}

}  // namespace

void apply(Tables& tables, Sequence sequence, const EventView& event) {
  if (event.type == EventType::owner_revoked) {
    if (const auto owners = named_owners(event)) tables.revoke_owners(*owners, sequence);
    return;
  }
  if (event.type == EventType::owner_locked || event.type == EventType::owner_unlocked)
    return apply_lock(tables, sequence, event);
  if (event.type == EventType::keys_forgotten) return tables.forget_keys(sequence, event);
  const auto id = event[Field::key_id];
  const Slot slot = id.empty() ? no_slot : tables.keys.find_by_id(id);
  if (event.type == EventType::key_created) {
    if (slot == no_slot) tables.add_key(sequence, event);
    return;
  }
  if (slot == no_slot) return;
  switch (event.type) {
    case EventType::key_revoked:
      tables.revoke_key(slot, sequence);
      return;
    case EventType::key_suspended:
      return tables.suspend_key(slot, decode_u16(event[Field::width], 0));
    case EventType::key_resumed:
      return tables.resume_key(slot);
    case EventType::key_changed:
      // A secret that is newer has it from the one before.
      if (tables.keys[slot].created < sequence)
        tables.edit_key(slot, tables.edited(slot, tables.terms_of(slot), event));
      return;
    case EventType::key_rotated:
      if (const auto digest = digest_of(event); tables.keys.find_by_digest(digest) == no_slot)
        tables.rotate_key(slot, sequence, digest, {event.at, decode_i64(event[Field::grace_until], 0)});
      return;
    default:
      return;
  }
}

}  // namespace revoked::engine
