#pragma once
// Builds the tables from a store at start.

#include <cstdint>
#include <functional>
#include <string>

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

// The tables from the checkpoint in `checkpoint_file` (none: empty), or from the store: owners' marks first,
// then the keys, their creation and what has been folded, so that the owners' counters come out as they were.
// Then the journal's tail. Answers from after which sequence there was something to replay by the checkpoint;
// 0: without one.
result<Sequence> recover(const Store& store, const std::string& checkpoint_file, Tables& tables,
                         const ProgressListener& on_progress);

}  // namespace revoked::engine
