#pragma once
// A proxy with latency to a server on 127.0.0.1: connections to `port()` are forwarded, and bytes arrive
// later by that latency in either direction, in order, however many are in flight.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <thread>

#include "tests/support/acceptor.hpp"

namespace revoked::test {

class Distance {
 public:
  Distance(std::uint16_t server_port, std::chrono::milliseconds one_way);
  ~Distance();  // cuts all connections
  Distance(const Distance&) = delete;
  Distance& operator=(const Distance&) = delete;

  std::uint16_t port() const { return acceptor_.port(); }

 private:
  void forward(int near);
  void pass_on(int from, int to);

  const std::uint16_t server_port_;
  const std::chrono::milliseconds one_way_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // guards what follows
  std::list<int> sockets_;
  std::list<std::thread> threads_;
  Acceptor acceptor_{[this](int near) { forward(near); }};
};

}  // namespace revoked::test
