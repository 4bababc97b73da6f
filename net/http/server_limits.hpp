#pragma once
// Every bound on what peers may cost a server, named once. "A thread" is one network thread: multiply by the
// number of threads for the server.

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "net/http/request_head.hpp"

namespace revoked::net {

struct ServerLimits {
  // Of one request.
  HeadLimits head;
  std::size_t body_bytes = 1 << 20;  // other routes take it piece by piece and hold one piece

  // Of one connection.
  std::size_t pipelined = 64;              // requests answered together
  std::size_t gathered_bytes = 256 << 10;  // above this, responses are sent before the next request is
                                           // examined: at most this and one response are in memory
  std::size_t kept_bytes = 128 << 10;      // of the capacity of each empty buffer
  std::chrono::milliseconds trimmed_after{1'000};  // of idleness: then all buffers are freed

  // Of all the connections of a thread together.
  std::size_t connections = 10'000;    // at this number, the longest waiting are closed
  std::size_t held_bytes = 256 << 20;  // in buffers; above this, the slowest of those that hold more than
                                       // their share are closed
  std::chrono::milliseconds short_wait{1'000};  // shorter waits are closed last

  // How long the server waits for a peer.
  std::chrono::milliseconds idle_timeout{75'000};
  std::chrono::milliseconds head_timeout{10'000};   // for the whole head
  std::chrono::milliseconds body_timeout{30'000};   // for the whole body, or a piece of a body of any length
  std::chrono::milliseconds write_timeout{30'000};  // until it reads some of the responses
  // In addition, whatever is waited for in pieces must arrive, and responses must be read, at this average
  // rate, with the time above as initial allowance. Only time spent waiting for the peer counts.
  std::size_t bytes_per_second = 512;
  std::chrono::milliseconds linger_timeout{1'000};

  // While the server drains.
  std::chrono::milliseconds drain_timeout{5'000};       // of all of it
  std::chrono::milliseconds drain_idle_timeout{100};    // then a connection without a request is ended
  std::chrono::milliseconds drain_linger_timeout{300};  // of those
};

// How long to wait for the peer next, when `bytes` have taken `waited` so far.
inline std::chrono::milliseconds patience(const ServerLimits& limits, std::chrono::milliseconds at_once,
                                          std::chrono::milliseconds waited, std::size_t bytes) {
  const auto earned = std::chrono::milliseconds(bytes * 1000 / limits.bytes_per_second);
  return std::min(at_once, at_once + earned - waited);
}

}  // namespace revoked::net
