#pragma once
// Load over keep-alive connections, each request with its own number. One thread; each call returns when the
// load is over and all responses have arrived, or none arrived for 10 s.

#include <optional>
#include <set>

#include "tools/load/request.hpp"
#include "tools/load/tally.hpp"

namespace revoked::load {

inline constexpr std::chrono::seconds patience{10};

struct HttpLoad {
  Url url;
  Request::Options request;
  std::set<int> expected;
  std::size_t connections = 64;
  std::size_t depth = 1;    // requests on a connection at a time
  std::uint64_t first = 0;  // number
  std::uint64_t cycle = 0;  // numbers repeat after this many requests; 0: never
  std::uint64_t count = 0;  // maximum of requests; 0: no limit
  double seconds = 0;       // maximum time of sending; 0: no limit

  std::uint64_t number_of(std::uint64_t order) const { return first + (cycle == 0 ? order : order % cycle); }
};

// Closed loop: a connection sends `depth` requests at once, waits for all responses, and repeats. Latency
// counts from sending.
Tally run_closed(const HttpLoad& load);

// Open loop: `rate` requests a second regardless of responses; `seconds` is required. Latency counts from
// when a request was due, so it includes waiting caused by a stalled server.
Tally run_open(const HttpLoad& load, double rate);

}  // namespace revoked::load
