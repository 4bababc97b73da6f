#pragma once
// What an event of the journal does to the tables.

#include "engine/model/event.hpp"
#include "engine/tables/tables.hpp"

namespace revoked::engine {

// Events come in order. Applying one once more changes nothing: the tables may know of it, and of what came
// after it. Whoever holds the turn, or while loading.
void apply(Tables& tables, Sequence sequence, const EventView& event);

}  // namespace revoked::engine
