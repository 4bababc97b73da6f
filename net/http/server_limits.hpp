#pragma once
// Every bound of what peers may cost a server, named once. "A thread" is one network thread: all of a server
// is so many times as much.

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "net/http/guard.hpp"

namespace revoked::net {

struct ServerLimits {
  // Of one request.
  HeadLimits head;
  std::size_t body_bytes = 1 << 20;  // but for routes that take a body piece by piece: those hold one piece

  // Of one connection.
  std::size_t pipelined = 64;              // requests answered together
  std::size_t gathered_bytes = 256 << 10;  // past it answers are sent before the next request is looked at:
                                           // no more than this and one answer lie in memory
  std::size_t kept_bytes = 128 << 10;      // of each buffer, when nothing is in it
  std::chrono::milliseconds trimmed_after{1'000};  // of idleness: then nothing is kept

  // Of all the connections of a thread together.
  std::size_t connections = 10'000;    // when there are as many, those who wait longest make room
  std::size_t held_bytes = 256 << 20;  // in buffers; when there are more, the slowest of those who hold
                                       // more than their share are closed
  std::chrono::milliseconds settling{1'000};  // nobody makes room sooner, if others can

  // How long a peer is waited for.
  std::chrono::milliseconds idle_timeout{75'000};
  std::chrono::milliseconds head_timeout{10'000};   // all of it
  std::chrono::milliseconds body_timeout{30'000};   // all of it, or a piece of a body of any length
  std::chrono::milliseconds write_timeout{30'000};  // until it takes some of the answers
  // Besides, what is waited for in pieces has to come, and answers have to be taken, at so many bytes a
  // second on an average, with the time above as a start. Only time in which we wait for the peer counts.
  std::size_t bytes_per_second = 512;
  std::chrono::milliseconds linger_timeout{1'000};
  std::chrono::milliseconds drain_timeout{5'000};
};

// How long a peer may be waited for next, for something that has taken `waited` for `bytes` so far.
inline std::chrono::milliseconds patience(const ServerLimits& limits, std::chrono::milliseconds at_once,
                                          std::chrono::milliseconds waited, std::size_t bytes) {
  const auto earned = std::chrono::milliseconds(bytes * 1000 / limits.bytes_per_second);
  return std::min(at_once, at_once + earned - waited);
}

}  // namespace revoked::net
