#pragma once
// Threads that revoke keys, one request after another, and write down what was answered. When the engine goes
// away they keep asking for the same key until it is back: repeating a revocation has one effect (P9).
//
// A test that waits for more to be acknowledged takes an endless supply: how many keys last for how long
// depends on the machine.

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/acknowledged.hpp"

namespace revoked::test {

class RevocationLoad {
 public:
  // What comes once all of `keys` are revoked: nothing, or keys that the threads create for themselves.
  enum class Supply { of_keys, endless };

  // Each thread rests so long after each.
  RevocationLoad(const EngineProcess& engine, std::vector<CreatedKey> keys, std::size_t threads,
                 Supply supply = Supply::of_keys,
                 std::chrono::milliseconds pause = std::chrono::milliseconds(0));
  ~RevocationLoad();  // stops

  void stop();
  std::size_t count() const { return acknowledged_.size(); }
  std::size_t unknown() const { return unknown_; }  // requests that ended without an answer, or with a 5xx
  const Acknowledgements& acknowledgements() const { return acknowledged_; }
  std::vector<Acknowledged> acknowledged() const { return acknowledged_.all(); }
  std::vector<std::string> surprises() const;  // answers that are neither

 private:
  void run(HttpClient client, std::size_t first, std::size_t step, Supply supply);
  // Until it is done, or to be stopped.
  void revoke_surely(HttpClient& client, const CreatedKey& key);
  bool create_one(HttpClient& client, CreatedKey& key);
  bool revoke_one(HttpClient& client, const CreatedKey& key);

  const std::vector<CreatedKey> keys_;
  const std::chrono::milliseconds pause_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::size_t> unknown_ = 0;
  Acknowledgements acknowledged_;
  mutable std::mutex mutex_;  // of the surprises
  std::vector<std::string> surprises_;
  std::vector<std::thread> threads_;
};

// Asks the gateway for every key once, pipelined, so that it has them cached. How many were allowed.
std::size_t count_allowed(const GatewayProcess& gateway, const std::vector<CreatedKey>& keys);

}  // namespace revoked::test
