#pragma once
// Builds the tables at start.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/log/log.hpp"
#include "engine/tables/tables.hpp"

namespace revoked::engine {

// Reported every few hundred milliseconds of a long load, and at its end.
struct LoadProgress {
  std::uint64_t keys;             // loaded so far
  std::uint64_t replayed_events;  // of this number:
  std::uint64_t events;
  bool finished;
};
using ProgressListener = std::function<void(const LoadProgress&)>;

struct Recovered {
  Sequence checkpoint = 0;         // sequence of the checkpoint; 0: none
  std::vector<EpochStart> epochs;  // all so far
};

// The tables from the checkpoint in `checkpoint_file`, if any, and from the journal after it. `detail` gets
// the text of a failure that is not the log's.
result<Recovered> recover(const Log& log, const std::string& checkpoint_file, Tables& tables,
                          const ProgressListener& on_progress, std::string& detail);

}  // namespace revoked::engine
