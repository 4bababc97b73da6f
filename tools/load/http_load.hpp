#pragma once
// Load over keep-alive connections, each request for another number. One thread; each call returns when the
// load is over and all is answered, or nothing more came for 10 s.

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
  std::uint64_t cycle = 0;  // after so many requests the numbers start again; 0: never
  std::uint64_t count = 0;  // of requests, at most; 0: no bound
  double seconds = 0;       // of sending, at most; 0: no bound

  std::uint64_t number_of(std::uint64_t order) const { return first + (cycle == 0 ? order : order % cycle); }
};

// Closed loop: a connection sends `depth` requests at once, waits for all of their answers, and goes on.
// Latency counts from sending.
Tally run_closed(const HttpLoad& load);

// Open loop: `rate` requests a second, whatever becomes of them; `seconds` must be given. Latency counts from
// when a request was due, so that a server that stalls answers for all those that had to wait.
Tally run_open(const HttpLoad& load, double rate);

}  // namespace revoked::load
