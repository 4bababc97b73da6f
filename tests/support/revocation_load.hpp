#pragma once
// Threads that revoke keys, one request after another, and record the answers. While the engine is down they
// repeat the request for the same key until it is up: repeating a revocation has one effect (P9).
//
// A test that waits for more acknowledgements uses an endless supply: how long a number of keys lasts depends
// on the machine.

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/acknowledged.hpp"
#include "tests/support/network.hpp"

namespace revoked::test {

class RevocationLoad {
 public:
  // What follows once all of `keys` are revoked: nothing, or keys that the threads create.
  enum class Supply { of_keys, endless };

  struct Engine {
    const EngineProcess* process = nullptr;
    std::size_t number = 0;  // of a Change
    const Network* network = nullptr;
    std::size_t host = 0;  // of the engine in `network`
  };
  struct Options {
    std::vector<Engine> engines;  // the first one; after each unknown outcome the next one
    std::vector<CreatedKey> keys{};
    std::size_t threads = 1;
    Supply supply = Supply::endless;
    std::chrono::milliseconds pause{0};       // of each thread after each revocation
    std::chrono::milliseconds patience{30s};  // with an engine that does not answer
    // By the threads: each change that was answered, and each revocation that was given up by stop().
    std::function<void(const Change&)> on_change{};
  };
  explicit RevocationLoad(Options options);
  RevocationLoad(const EngineProcess& engine, std::vector<CreatedKey> keys, std::size_t threads,
                 Supply supply = Supply::of_keys,
                 std::chrono::milliseconds pause = std::chrono::milliseconds(0));
  ~RevocationLoad();  // stops

  void stop();
  std::size_t count() const { return acknowledged_.size(); }
  std::size_t unknown() const { return unknown_; }  // revocations that ended without an answer, or with a 5xx
  std::size_t failed_creations() const { return failed_creations_; }
  const Acknowledgements& acknowledgements() const { return acknowledged_; }
  std::vector<Acknowledged> acknowledged() const { return acknowledged_.all(); }
  std::vector<std::string> surprises() const;  // answers that are neither of these nor a 2xx

 private:
  class Client;

  void run(std::size_t first);
  // Until the keys are used up, or stop() is called.
  void revoke_surely(Client& client, const CreatedKey& key);
  bool create_one(Client& client, CreatedKey& key);
  bool revoke_one(Client& client, Change& change);

  const Options options_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::size_t> unknown_ = 0;
  std::atomic<std::size_t> failed_creations_ = 0;
  Acknowledgements acknowledged_;
  mutable std::mutex mutex_;  // guards surprises_
  std::vector<std::string> surprises_;
  std::vector<std::thread> threads_;
};

// Checks every key once at the gateway, pipelined, so that it has them cached. Answers how many were allowed.
std::size_t count_allowed(const GatewayProcess& gateway, const std::vector<CreatedKey>& keys);

}  // namespace revoked::test
