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

std::uint64_t apply(Tables& tables, Sequence sequence, const EventView& event) {
  switch (event.type) {
    case EventType::owner_revoked: {
      const auto owners = named_owners(event);
      return owners ? tables.revoke_owners(*owners, sequence) : 0;
    }
    case EventType::owner_locked:
    case EventType::owner_unlocked:
      apply_lock(tables, sequence, event);
      return 0;
    case EventType::keys_forgotten:
      tables.forget_keys(sequence, event);
      return 0;
    default: {
      const auto id = event[Field::key_id];
      if (!id.empty()) apply_to(tables, tables.keys.find_by_id(id), sequence, event);
      return 0;
    }
  }
}

void apply_to(Tables& tables, Slot key, Sequence sequence, const EventView& event) {
  if (event.type == EventType::key_created) {
    if (key == no_slot) tables.add_key(sequence, event);
    return;
  }
  if (key == no_slot) return;
  switch (event.type) {
    case EventType::key_revoked:
      tables.revoke_key(key, sequence);
      return;
    case EventType::key_suspended:
      return tables.suspend_key(key, decode_u16(event[Field::width], 0));
    case EventType::key_resumed:
      return tables.resume_key(key);
    case EventType::key_changed:
      // A newer secret has inherited the change from its predecessor.
      if (tables.keys[key].created < sequence)
        tables.edit_key(key, tables.edited(key, tables.terms_of(key), event));
      return;
    case EventType::key_rotated:
      if (const auto digest = digest_of(event); tables.keys.find_by_digest(digest) == no_slot)
        tables.rotate_key(key, sequence, digest, {event.at, decode_i64(event[Field::grace_until], 0)});
      return;
    default:
      return;
  }
}

}  // namespace revoked::engine
