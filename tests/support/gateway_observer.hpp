#pragma once
// Continuously checks keys whose revocation has been acknowledged at a gateway, from its own thread, on the
// gateway's host if that is part of a network. Recent revocations are checked most often. Or it verifies them
// at an engine.

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/acknowledged.hpp"
#include "tests/support/network.hpp"

namespace revoked::test {

class GatewayObserver {
 public:
  struct Answer {
    Lateness::Clock::time_point asked;
    engine::Position as_of{};   // of an engine's
    bool is_of_leader = false;  // the engine said before and after it, on the same connection, that it leads
  };
  struct Options {
    std::string name;
    std::uint16_t port = 0;  // of the gateway, on 127.0.0.1
    const Network* network = nullptr;
    std::size_t host = 0;                   // of the gateway in `network`
    const EngineProcess* engine = nullptr;  // asked instead of a gateway
    std::chrono::milliseconds pause{5};     // between its rounds
    // By its thread, for each answer that allows.
    std::function<void(const Acknowledged&, const Answer&)> on_allowed{};
  };
  // Both must outlive this.
  GatewayObserver(Options options, const Acknowledgements& revocations, Lateness& lateness);
  ~GatewayObserver();  // stops

  // How many revocations, in the order of their acknowledgement, have been checked and answered after the
  // time at which the gateway must deny them.
  std::size_t asked_late() const { return asked_late_; }
  std::size_t checks() const { return checks_; }

 private:
  void run();
  std::vector<std::size_t> choose();
  std::string question(const HttpClient& client, const CreatedKey& key) const;
  bool allows(const HttpResponse& answer) const;
  bool leads(HttpClient& client) const;
  void ask(HttpClient& client, const std::vector<std::size_t>& chosen);

  const Options options_;
  const Acknowledgements& revocations_;
  Lateness& lateness_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::size_t> asked_late_ = 0;
  std::atomic<std::size_t> checks_ = 0;
  std::vector<Acknowledged> known_;  // used by the thread only
  std::size_t next_old_ = 0;
  std::thread thread_;
};

}  // namespace revoked::test
