#pragma once
// Threads that revoke keys, one request after another, and record the answers. While the engine is down they
// repeat the request for the same key until it is up: repeating a revocation has one effect (P9).
//
// A test that waits for more acknowledgements uses an endless supply: how long a number of keys lasts depends
// on the machine.

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
  // What follows once all of `keys` are revoked: nothing, or keys that the threads create.
  enum class Supply { of_keys, endless };

  // The pause of each thread after each revocation.
  RevocationLoad(const EngineProcess& engine, std::vector<CreatedKey> keys, std::size_t threads,
                 Supply supply = Supply::of_keys,
                 std::chrono::milliseconds pause = std::chrono::milliseconds(0));
  ~RevocationLoad();  // stops

  void stop();
  std::size_t count() const { return acknowledged_.size(); }
  std::size_t unknown() const { return unknown_; }  // requests that ended without an answer, or with a 5xx
  const Acknowledgements& acknowledgements() const { return acknowledged_; }
  std::vector<Acknowledged> acknowledged() const { return acknowledged_.all(); }
  std::vector<std::string> surprises() const;  // answers that are neither of these nor a 2xx

 private:
  void run(HttpClient client, std::size_t first, std::size_t step, Supply supply);
  // Until the keys are used up, or stop() is called.
  void revoke_surely(HttpClient& client, const CreatedKey& key);
  bool create_one(HttpClient& client, CreatedKey& key);
  bool revoke_one(HttpClient& client, const CreatedKey& key);

  const std::vector<CreatedKey> keys_;
  const std::chrono::milliseconds pause_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::size_t> unknown_ = 0;
  Acknowledgements acknowledged_;
  mutable std::mutex mutex_;  // guards surprises_
  std::vector<std::string> surprises_;
  std::vector<std::thread> threads_;
};

// Checks every key once at the gateway, pipelined, so that it has them cached. Answers how many were allowed.
std::size_t count_allowed(const GatewayProcess& gateway, const std::vector<CreatedKey>& keys);

}  // namespace revoked::test
