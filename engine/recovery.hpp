#pragma once
// Builds the tables from a store at start.

#include <cstdint>
#include <functional>

#include "engine/store.hpp"
#include "engine/tables.hpp"

namespace revoked::engine {

// `done` of about `total` keys are loaded. Called every few hundred milliseconds of a long load, and at its
// end.
struct LoadProgress {
  std::uint64_t keys;
  std::uint64_t estimated_total;
  std::uint64_t replayed_events;
  bool finished;
};
using ProgressListener = std::function<void(const LoadProgress&)>;

// Owners' marks first, then the keys (their creation and what has been folded), then the journal's tail: in
// this order the owners' counters come out as they were.
result<void> recover(const Store& store, Tables& tables, const ProgressListener& on_progress);

}  // namespace revoked::engine
