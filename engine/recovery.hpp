#pragma once
// Builds the tables from a log at start.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/log/log.hpp"
#include "engine/tables/tables.hpp"

namespace revoked::engine {

// Called every few hundred milliseconds of a long load, and at its end.
struct LoadProgress {
  std::uint64_t keys;             // that are there
  std::uint64_t replayed_events;  // of so many:
  std::uint64_t events;
  bool finished;
};
using ProgressListener = std::function<void(const LoadProgress&)>;

struct Recovered {
  Sequence checkpoint = 0;         // from after which there was something to replay; 0: there was none
  std::vector<EpochStart> epochs;  // all so far
};

// The tables from the checkpoint in `checkpoint_file` (none: empty), and from what the journal has behind it;
// without a checkpoint from all of it. The text of a failure that is not the log's goes to `detail`.
result<Recovered> recover(const Log& log, const std::string& checkpoint_file, Tables& tables,
                          const ProgressListener& on_progress, std::string& detail);

}  // namespace revoked::engine
