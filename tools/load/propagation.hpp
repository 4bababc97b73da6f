#pragma once
// How long it takes from sending a DELETE until a gateway denies the key, under an open loop of DELETEs. The
// gateway is asked for a watched key over and over, on a connection of its own, from when its DELETE is sent
// until the first denial is here: what is measured is never better than what a client sees.

#include "tools/load/http_load.hpp"

namespace revoked::load {

struct PropagationLoad {
  HttpLoad revocations;  // to the engine
  Url gateway;
  Request::Options check;  // to the gateway, of the same number
  // Keys watched at a time. Few: asking without a pause is load, and slows what it looks at.
  std::size_t watchers = 4;
  std::uint64_t watch_every = 1;  // each N-th key
};

struct Propagation {
  Tally revocations;
  Latency denial;  // from when the DELETE was due to the first denial
  std::uint64_t watched = 0;
  std::uint64_t checks = 0;
  std::uint64_t never_denied = 0;  // within `patience`
};

// Any answer of the gateway but 200 and 403 is an exception.
Propagation run_propagation(const PropagationLoad& load, double rate);

// The same way without us: PUBLISH of `size` bytes to the Redis at the UNIX socket at an open-loop rate,
// until the message is at a subscriber.
Tally run_redis_publish(const std::string& socket_path, double rate, double seconds, std::size_t size);

}  // namespace revoked::load
