#pragma once
// Asks a gateway all the time for keys whose revocation has been acknowledged. It asks from a thread of its
// own, on the gateway's host if that is one of a network, for young revocations most often.

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/acknowledged.hpp"
#include "tests/support/network.hpp"

namespace revoked::test {

class GatewayObserver {
 public:
  struct Options {
    std::string name;
    std::uint16_t port = 0;  // of the gateway, on 127.0.0.1
    const Network* network = nullptr;
    std::size_t host = 0;  // in it
  };
  // Both stay as long as this does.
  GatewayObserver(Options options, const Acknowledgements& revocations, Lateness& lateness);
  ~GatewayObserver();  // stops

  // How many revocations, the first to be acknowledged first, have been asked for when the gateway had to
  // know better, and were answered.
  std::size_t asked_late() const { return asked_late_; }
  std::size_t checks() const { return checks_; }

 private:
  void run();
  std::vector<std::size_t> choose();
  void ask(HttpClient& client, const std::vector<std::size_t>& chosen);

  const Options options_;
  const Acknowledgements& revocations_;
  Lateness& lateness_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::size_t> asked_late_ = 0;
  std::atomic<std::size_t> checks_ = 0;
  std::vector<Acknowledged> known_;  // the thread's
  std::size_t next_old_ = 0;
  std::thread thread_;
};

}  // namespace revoked::test
