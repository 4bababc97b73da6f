#pragma once
// Applies events of the journal to the tables.

#include "engine/model/event.hpp"
#include "engine/tables/tables.hpp"

namespace revoked::engine {

// The only implementation: for the leader, which appends events, and for a start, which reads them. Events
// are applied in order. Applying one again changes nothing, even if the tables already include later ones. By
// the holder of the turn, or while loading. Returns how many keys the revocation of an owner revoked.
//
// Events that grant access are applied by the leader once they are durable (edits.hpp, resumptions.hpp).
std::uint64_t apply(Tables& tables, Sequence sequence, const EventView& event);
// The same for an event of a key that was already looked up; no_slot: not found.
void apply_to(Tables& tables, Slot key, Sequence sequence, const EventView& event);

}  // namespace revoked::engine
