#pragma once
// Time from a gateway's own denial of a key until those who watch it are told: one of many, and all of an
// owner. A key is checked again and again until it is denied; the denial was after the last allowed check was
// sent, and counts from there, so the result is never better than it was.

#include <functional>

#include "tools/load/request.hpp"
#include "tools/load/tally.hpp"

namespace revoked::load {

struct WatchLoad {
  Url engine;
  Url gateway;
  // Numbered: key N, from `first` on. All of them are watched.
  Request::Options watch, check, revoke_one;
  Request::Options revoke_all;  // the rest of them
  std::uint64_t first = 0;
  std::uint64_t watches = 10'000;
  std::uint64_t singles = 100;  // keys revoked one by one, before the rest
};

struct WatchTimes {
  double open_seconds = 0;
  Latency one;  // of those revoked one by one
  Latency all;  // of the rest
};

// `before_revoking` is called when all watches are held. Throws if the servers answer otherwise.
WatchTimes run_watches(const WatchLoad& load, const std::function<void()>& before_revoking);

}  // namespace revoked::load
