#pragma once
// Time from sending a DELETE until a gateway denies the key, under an open loop of DELETEs. From when the
// DELETE of a watched key is sent the gateway is polled on a separate connection until the first denial
// arrives, so the result is never better than what a client sees.

#include "tools/load/http_load.hpp"

namespace revoked::load {

struct PropagationLoad {
  HttpLoad revocations;  // to the engine
  Url gateway;
  Request::Options check;  // to the gateway, with the same number
  // Keys watched at a time. Few, because polling loads the gateway.
  std::size_t watchers = 4;
  std::uint64_t watch_every = 1;  // watch every Nth key
};

struct Propagation {
  Tally revocations;
  Latency denial;  // from when the DELETE was due to the first denial
  std::uint64_t watched = 0;
  std::uint64_t checks = 0;
  std::uint64_t never_denied = 0;  // within `patience`
};

// Any response of the gateway except 200 and 403 throws.
Propagation run_propagation(const PropagationLoad& load, double rate);

// The baseline without revoked: PUBLISH of `size` bytes to the Redis at the UNIX socket, at an open-loop
// rate, until a subscriber has the message.
Tally run_redis_publish(const std::string& socket_path, double rate, double seconds, std::size_t size);

}  // namespace revoked::load
