#pragma once
// What an event of the journal does to the tables.

#include "engine/model/event.hpp"
#include "engine/tables/tables.hpp"

namespace revoked::engine {

// The only place where that is said: for the leader, who appends events, and for a start, which reads them.
// Events come in order. Applying one once more changes nothing: the tables may know of it, and of what came
// after it. Whoever holds the turn, or while loading. Answers how many keys the revocation of an owner
// revoked.
//
// What an event gives, the leader applies once it is durable (edits.hpp, resumptions.hpp).
std::uint64_t apply(Tables& tables, Sequence sequence, const EventView& event);
// The same for an event of a key that has been looked up already; no_slot: there is none.
void apply_to(Tables& tables, Slot key, Sequence sequence, const EventView& event);

}  // namespace revoked::engine
