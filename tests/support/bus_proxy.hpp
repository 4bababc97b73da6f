#pragma once
// A proxy between a Redis and its publishers or subscribers: it loses, repeats, delays or reorders whole
// messages, at random from a seed. Everything else passes unchanged, and a publisher gets the usual answers.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/acceptor.hpp"

namespace revoked::test {

class BusProxy {
 public:
  using Clock = std::chrono::steady_clock;

  struct Faults {
    unsigned lost = 0;                     // per cent of the messages
    unsigned repeated = 0;                 // per cent of those that are not lost; the second one is late
    unsigned late = 0;                     // per cent of those that are not lost
    std::chrono::milliseconds at_most{0};  // how late
    // From when they are set, the delay of all messages grows by this much each second; their order is kept.
    std::chrono::milliseconds growth{0};
  };

  // Listens on that address of the host on which it is constructed; Redis listens there on 127.0.0.1.
  BusProxy(std::uint16_t redis_port, std::uint32_t seed, std::string address = "127.0.0.1");
  ~BusProxy();  // cuts all connections
  BusProxy(const BusProxy&) = delete;
  BusProxy& operator=(const BusProxy&) = delete;

  std::string url() const { return "redis://" + address_ + ":" + std::to_string(acceptor_.port()); }
  void set(Faults faults);
  std::size_t messages() const { return messages_; }
  std::size_t harmed() const { return harmed_; }  // messages that did not pass exactly once without delay

 private:
  friend class BusConnection;
  // When to forward a message: several times, or never.
  std::vector<Clock::time_point> draw();

  const std::uint16_t redis_port_;
  const std::string address_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> messages_{0};
  std::atomic<std::size_t> harmed_{0};
  std::mutex mutex_;  // guards what follows
  std::mt19937 random_;
  Faults faults_;
  Clock::time_point set_at_;
  std::list<std::thread> threads_;  // used by the acceptor, until it has ended
  Acceptor acceptor_;
};

}  // namespace revoked::test
