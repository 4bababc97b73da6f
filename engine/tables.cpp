#include "engine/tables.hpp"

#include <algorithm>

namespace revoked::engine {

Slot Tables::add_key(Sequence sequence, const EventView& creation) {
  std::array<Slot, 3> owner_slots{no_slot, no_slot, no_slot};
  for (const Scope scope : all_scopes) {
    const auto id = creation[owner_field(scope)];
    if (id.empty()) continue;
    const Slot owner = of(scope).find_or_add(id);
    owner_slots[static_cast<std::size_t>(scope)] = owner;
    if (sequence > of(scope).revoked_through(owner)) of(scope).key_created(owner);
  }
  Digest digest{};
  const auto bytes = creation[Field::digest];
  std::copy_n(bytes.begin(), std::min(bytes.size(), digest.size()), digest.begin());
  return keys.insert(creation[Field::key_id], digest, [&](KeyRecord& record) {
    record.owners = owner_slots;
    record.permissions = permission_sets.intern(creation[Field::permissions]);
    record.created = sequence;
    record.set_expiry(decode_i64(creation[Field::expires_at], 0));
  });
}

bool Tables::revoke_key(Slot key, Sequence by) {
  KeyRecord& record = keys[key];
  if (record.revoked() != 0) return false;
  record.set_revoked(by);
  for (const Scope scope : all_scopes) {
    const Slot owner = record.owners[static_cast<std::size_t>(scope)];
    if (owner != no_slot) of(scope).key_revoked(owner, record.created);
  }
  return true;
}

Sequence Tables::revoked_by(const KeyRecord& key) const {
  if (const auto own = key.revoked(); own != 0) return own;
  Sequence latest = 0;
  for (const Scope scope : all_scopes) {
    const Slot owner = key.owners[static_cast<std::size_t>(scope)];
    if (owner == no_slot) continue;
    const auto through = of(scope).revoked_through(owner);
    if (through >= key.created) latest = std::max(latest, through);
  }
  return latest;
}

KeyState Tables::state_of(const KeyRecord& key, UnixMs now) const {
  if (revoked_by(key) != 0) return KeyState::revoked;
  const auto expires_at = key.expires_at();
  return expires_at != 0 && expires_at <= now ? KeyState::expired : KeyState::active;
}

void Tables::describe(Slot key, Decision& decision) const {
  const KeyRecord& record = keys[key];
  decision.key_id.clear();
  keys.append_id(key, decision.key_id);
  for (const Scope scope : all_scopes) {
    const auto at = static_cast<std::size_t>(scope);
    decision.owners[at].clear();
    if (record.owners[at] != no_slot) of(scope).append_id(record.owners[at], decision.owners[at]);
  }
  decision.permissions = permission_sets.get(record.permissions);
  decision.expires_at = record.expires_at();
}

}  // namespace revoked::engine
