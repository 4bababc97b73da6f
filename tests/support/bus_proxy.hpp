#pragma once
// Between a Redis and whoever publishes or is subscribed there: whole messages get lost, come twice, late, or
// before earlier ones, as a seed draws it. Everything else passes as it is, and a publisher is answered as if
// nothing had happened.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace revoked::test {

class BusProxy {
 public:
  using Clock = std::chrono::steady_clock;

  struct Faults {
    unsigned lost = 0;                     // per cent of the messages
    unsigned repeated = 0;                 // per cent of those; the second one is late
    unsigned late = 0;                     // per cent of those
    std::chrono::milliseconds at_most{0};  // how late
    // From when they are set on, each second makes all messages so much later, in their order.
    std::chrono::milliseconds growth{0};
  };

  // Listens on that address of the host on which it is made, as Redis does there on 127.0.0.1.
  BusProxy(std::uint16_t redis_port, std::uint32_t seed, std::string address = "127.0.0.1");
  ~BusProxy();  // cuts all connections
  BusProxy(const BusProxy&) = delete;
  BusProxy& operator=(const BusProxy&) = delete;

  std::string url() const { return "redis://" + address_ + ":" + std::to_string(port_); }
  void set(Faults faults);
  std::size_t messages() const { return messages_; }
  std::size_t harmed() const { return harmed_; }  // that did not pass once and at once

 private:
  friend class BusConnection;
  // When a message is to be passed on; several times, or never.
  std::vector<Clock::time_point> draw();
  void accept_all();

  const std::uint16_t redis_port_;
  const std::string address_;
  int listener_;
  std::uint16_t port_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> messages_{0};
  std::atomic<std::size_t> harmed_{0};
  std::mutex mutex_;  // of what follows
  std::mt19937 random_;
  Faults faults_;
  Clock::time_point set_at_;
  std::list<std::thread> threads_;  // the acceptor's, until it has ended
  std::thread acceptor_;
};

}  // namespace revoked::test
