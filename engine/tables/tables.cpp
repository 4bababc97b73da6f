#include "engine/tables/tables.hpp"

#include <algorithm>

namespace revoked::engine {

Digest digest_of(const EventView& event) {
  Digest digest{};
  const auto bytes = event[Field::digest];
  std::copy_n(bytes.begin(), std::min(bytes.size(), digest.size()), digest.begin());
  return digest;
}

void Tables::prefetch(std::string_view key_id, const Digest& digest, const OwnerIds& owner_ids) const {
  keys.prefetch(key_id, digest);
  for (const Scope scope : all_scopes) {
    const auto id = owner_ids[static_cast<std::size_t>(scope)];
    if (!id.empty()) of(scope).prefetch(id);
  }
}

Slot Tables::add_key(Sequence sequence, const EventView& creation) {
  const auto owner_slots = find_or_add_owners(owners_of(creation));
  note_co_owners(owner_slots);
  count(owner_slots, sequence);
  return keys.insert(creation[Field::key_id], digest_of(creation), [&](KeyRecord& record) {
    record.owners = owner_slots;
    record.set_permissions(keep_set(owner_slots, creation[Field::permissions]));
    record.created = sequence;
    record.set_expiry(decode_i64(creation[Field::expires_at], 0));
  });
}

Slot Tables::keep_set(const std::array<Slot, 3>& owner_slots, std::string_view set) {
  const auto sets = permission_sets.size();
  const Slot kept = permission_sets.intern(set);
  if (permission_sets.size() != sets) charge(owner_slots, permission_sets.get(kept));
  return kept;
}

bool Tables::has_room_for(std::string_view set, const std::array<std::string_view, 3>& owner_ids,
                          const Reach& reach) {
  if (set.empty() || reach.is_unlimited() || permission_sets.contains(set)) return true;
  for (const Scope scope : all_scopes) {
    const auto i = static_cast<std::size_t>(scope);
    if (!reach.limits[i]) continue;
    const Slot owner = of(scope).find(owner_ids[i]);
    const auto found = owner == no_slot ? set_bytes_[i].end() : set_bytes_[i].find(owner);
    if (found == set_bytes_[i].end()) continue;
    if (found->second + PermissionSets::cost_of(set) > max_set_bytes_an_owner) return false;
  }
  return true;
}

void Tables::charge(const std::array<Slot, 3>& owner_slots, std::string_view set) {
  const auto cost = PermissionSets::cost_of(set);
  if (cost == 0) return;
  for (std::size_t i = 0; i < owner_slots.size(); ++i) {
    if (owner_slots[i] != no_slot) set_bytes_[i][owner_slots[i]] += cost;
  }
}

bool Tables::revoke_key(Slot key, Sequence by) {
  KeyRecord& record = keys[key];
  if (record.revoked() != 0) return false;
  change_with_predecessors(key, [&](KeyRecord& each) { each.set_revoked(by); });
  uncount(record);
  return true;
}

// Its owners no longer count it.
void Tables::uncount(const KeyRecord& record) {
  const auto revoked = revoked_with_others(record.owners, record.created);
  for (const Scope scope : all_scopes) {
    const Slot owner = record.owners[static_cast<std::size_t>(scope)];
    if (revoked[static_cast<std::size_t>(scope)]) of(scope).remove_jointly_revoked(owner);
    if (owner != no_slot) of(scope).key_revoked(owner, record.created);
  }
  uncount_joint(record.owners, record.created);
}

// Skips secrets that were ended at once, and all older ones, which ended before: the work is bounded however
// often a key was rotated.
template <class Change>
void Tables::change_with_predecessors(Slot key, Change&& change) {
  for_each_secret(key, [&](Slot each) {
    if (keys[each].has_ended()) return false;
    change(keys[each]);
    return true;
  });
}

bool Tables::was_there(Slot key, Sequence sequence) const {
  bool found = false;
  for_each_secret(key, [&](Slot each) {
    found = keys[each].created <= sequence;
    return !found;
  });
  return found;
}

Sequence Tables::first_created(Slot key) const {
  Sequence created = 0;
  for_each_secret(key, [&](Slot each) {
    created = keys[each].created;
    return true;
  });
  return created;
}

bool Tables::has_predecessor(Slot key) const {
  if (!has_predecessors_.load(std::memory_order_acquire)) return false;
  const MutexLock lock(predecessors_mutex_);
  return predecessors_.contains(key);
}

std::vector<KnownSecret> Tables::living_secrets(Slot key, Sequence sequence, UnixMs now) const {
  std::vector<KnownSecret> living;
  if (revoked_by(keys[key]) != 0) return living;
  for_each_secret(key, [&](Slot each) {
    const KeyRecord& secret = keys[each];
    const auto ends_at = secret.expires_at();
    const bool lives = ends_at == 0 || ends_at > now;
    if (lives && secret.created <= sequence) living.push_back({secret.created, ends_at});
    return !secret.has_ended();
  });
  return living;
}

void Tables::suspend_key(Slot key, Width by) {
  change_with_predecessors(key, [&](KeyRecord& each) { each.set_suspended(by); });
}

void Tables::resume_key(Slot key) {
  change_with_predecessors(key, [](KeyRecord& each) { each.set_resumed(); });
}

Slot Tables::rotate_key(Slot key, Sequence sequence, const Digest& digest, const Grace& grace) {
  KeyRecord& old = keys[key];
  const auto expires_at = old.expires_at();
  const auto revoked = old.revoked();  // while loading, later events may already be included
  change_with_predecessors(key, [&](KeyRecord& each) {
    if (&each != &old) each.end();
  });
  // The old secret must not outlive the key's own expiry.
  grace.until <= grace.from ? old.end() : old.shorten_to(grace.until);
  old.set_superseded();
  return keys.supersede(key, digest, [&](Slot slot, KeyRecord& record) {
    record.owners = old.owners;
    record.restore_terms(old.packed_terms());
    record.created = sequence;
    record.set_expiry(expires_at);
    if (old.is_suspended()) record.set_suspended(old.suspended_by());
    if (revoked != 0) record.set_revoked(revoked);
    restore_predecessor(slot, key);  // before the new slot can be found
  });
}

KeyTerms Tables::edited(Slot key, KeyTerms terms, const EventView& edit) {
  if (is_edited(edit, Field::permissions))
    terms.permissions = keep_set(keys[key].owners, edit[Field::permissions]);
  if (is_edited(edit, Field::expires_at)) terms.expires_at = decode_i64(edit[Field::expires_at], 0);
  return terms;
}

void Tables::edit_key(Slot key, const KeyTerms& terms) {
  keys[key].set_expiry(terms.expires_at);
  change_with_predecessors(key, [&](KeyRecord& each) {
    each.set_permissions(terms.permissions);
    each.set_edited();
    if (terms.expires_at != 0) each.shorten_to(terms.expires_at);
  });
}

void Tables::restore_predecessor(Slot slot, Slot before) {
  const MutexLock lock(predecessors_mutex_);
  predecessors_.emplace(slot, before);
  has_predecessors_.store(true, std::memory_order_release);
}

std::vector<std::pair<Slot, Slot>> Tables::predecessors() const {
  const MutexLock lock(predecessors_mutex_);
  return {predecessors_.begin(), predecessors_.end()};
}

void Tables::count_keys() {
  std::vector<bool> is_charged(permission_sets.size());
  for (Slot slot = 0; slot < keys.size(); ++slot) {
    const KeyRecord& key = keys[slot];
    if (key.is_removed()) keys.restore_free(slot);
    if (key.is_superseded()) continue;
    if (const Slot set = key.permissions(); !is_charged[set]) {
      charge(key.owners, permission_sets.get(set));
      is_charged[set] = true;
    }
    note_co_owners(key.owners);
    if (key.revoked() == 0) count(key.owners, key.created);
  }
  for (Slot lock = 0; lock < locks.size(); ++lock) charge_lock(locks.named(lock), locks.owners(lock));
}

Slot Tables::newest_of(Slot key) const {
  if (!keys[key].is_superseded()) return key;  // a removed record counts as superseded
  std::string id;
  keys.append_id(key, id);
  return keys.find_by_id(id);
}

Extent Tables::extent_of(const Reach& reach, Scope scope, Slot owner, std::string_view id) const {
  if (owner == no_slot || !reach.allows(scope, id)) return Extent::nothing;
  bool by_workspace = false;
  bool by_other = false;
  for (const Scope limited : all_scopes) {
    if (limited == scope || !reach.limit(limited)) continue;
    (limited == Scope::workspace ? by_workspace : by_other) = true;
  }
  if (by_other) return Extent::part;
  if (!by_workspace) return Extent::whole;
  // Usually a user or an application is in one workspace: then it is within reach, or not.
  const Slot workspace_slot = of(scope).co_owners(owner).workspace;
  if (workspace_slot == OwnerTable::several_owners) return Extent::part;
  if (workspace_slot == no_slot || workspace_slot == OwnerTable::no_key_yet) return Extent::nothing;
  std::string workspace;
  of(Scope::workspace).append_id(workspace_slot, workspace);
  return reach.allows(Scope::workspace, workspace) ? Extent::whole : Extent::nothing;
}

// Whether more than the key's own record must be checked.
inline bool Tables::is_any_owner_marked(const KeyRecord& key) const {
  for (const Scope scope : all_scopes) {
    const Slot owner = key.owners[static_cast<std::size_t>(scope)];
    if (owner != no_slot && of(scope).mark(owner) >= key.created) [[unlikely]]
      return true;
  }
  return false;
}

Sequence Tables::revoked_by(const KeyRecord& key) const {
  return is_any_owner_marked(key) ? revoked_by_owner(key) : key.revoked();
}

KeyState Tables::state_of(const KeyRecord& key, UnixMs now, StandingLock& lock) const {
  const bool is_marked = is_any_owner_marked(key);
  if ((is_marked ? revoked_by_owner(key) : key.revoked()) != 0) return KeyState::revoked;
  const auto expires_at = key.expires_at();
  if (expires_at != 0 && expires_at <= now) return KeyState::expired;
  if (key.is_suspended()) return KeyState::suspended;
  if (is_marked) [[unlikely]] {
    lock = standing_lock(key.owners, now);
    if (lock) return KeyState::locked;
  }
  return KeyState::active;
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
  decision.permissions = permission_sets.get(record.permissions());
  const auto expires_at = record.expires_at();
  const bool has_ended = expires_at == KeyRecord::ended && record.is_superseded();
  decision.expires_at = has_ended ? 0 : expires_at;
}

}  // namespace revoked::engine
