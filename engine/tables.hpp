#pragma once
// The tables that decisions are made from, together: keys, owners, permission sets. A projection of the journal.
// Changes only by whoever holds the journal's turn (or while loading); look-ups from any thread.

#include <array>
#include <string_view>

#include "engine/decision.hpp"
#include "engine/event.hpp"
#include "engine/key_table.hpp"
#include "engine/owner_table.hpp"
#include "engine/permission_sets.hpp"

namespace revoked::engine {

struct Tables {
  KeyTable keys;
  std::array<OwnerTable, 3> owners;  // by Scope
  PermissionSets permission_sets;

  OwnerTable& of(Scope scope) { return owners[static_cast<std::size_t>(scope)]; }
  const OwnerTable& of(Scope scope) const { return owners[static_cast<std::size_t>(scope)]; }

  // Applies the event `created` (type key_created) to the tables.
  Slot add_key(Sequence sequence, const EventView& creation);
  // False if the key was revoked by an event of its own already.
  bool revoke_key(Slot key, Sequence by);

  // The latest sequence by which the key is revoked, through itself or an owner; 0 if it is not.
  Sequence revoked_by(const KeyRecord& key) const;
  // For everything but visibility: whether the key's creation is durable is the caller's to check.
  KeyState state_of(const KeyRecord& key, UnixMs now) const;
  void describe(Slot key, Decision& decision) const;
};

}  // namespace revoked::engine
