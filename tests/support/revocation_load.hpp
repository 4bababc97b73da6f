#pragma once
// Threads that revoke keys, one request after another, and write down what was answered. When the engine goes
// away they keep asking for the same key until it is back: repeating a revocation has one effect (P9).
//
// A test that waits for more to be acknowledged takes an endless supply: how many keys last for how long
// depends on the machine.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/revoked_programs.hpp"

namespace revoked::test {

class RevocationLoad {
 public:
  struct Acknowledged {
    CreatedKey key;
    engine::Position position;
    std::chrono::steady_clock::time_point at;  // when the 2xx was here
  };

  // What comes once all of `keys` are revoked: nothing, or keys that the threads create for themselves.
  enum class Supply { of_keys, endless };

  RevocationLoad(const EngineProcess& engine, std::vector<CreatedKey> keys, std::size_t threads,
                 Supply supply = Supply::of_keys);
  ~RevocationLoad();  // stops

  void stop();
  std::size_t count() const { return count_; }      // of acknowledged revocations
  std::size_t unknown() const { return unknown_; }  // requests that ended without an answer, or with a 5xx
  std::vector<Acknowledged> acknowledged() const;
  std::vector<std::string> surprises() const;  // answers that are neither

 private:
  void run(HttpClient client, std::size_t first, std::size_t step, Supply supply);
  // Until it is done, or to be stopped.
  void revoke_surely(HttpClient& client, const CreatedKey& key);
  bool create_one(HttpClient& client, CreatedKey& key);
  bool revoke_one(HttpClient& client, const CreatedKey& key);

  const std::vector<CreatedKey> keys_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::size_t> count_ = 0;
  std::atomic<std::size_t> unknown_ = 0;
  mutable std::mutex mutex_;
  std::vector<Acknowledged> acknowledged_;
  std::vector<std::string> surprises_;
  std::vector<std::thread> threads_;
};

// Asks the gateway for every key once, pipelined, so that it has them cached. How many were allowed.
std::size_t count_allowed(const GatewayProcess& gateway, const std::vector<CreatedKey>& keys);

}  // namespace revoked::test
