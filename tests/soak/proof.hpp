#pragma once
// Asks the engine for receipts while everything fails, and each gateway that one names whether that is true.

#include <atomic>
#include <random>
#include <string>
#include <thread>

#include "tests/soak/load.hpp"
#include "tests/soak/world.hpp"

namespace revoked::soak {

class Proof {
 public:
  // Both must outlive this.
  Proof(const World& world, Shared& shared, std::uint32_t seed);
  ~Proof() { thread_.join(); }

  // Gateways that were named in a receipt, and were asked.
  std::size_t asked() const { return asked_; }
  std::size_t asked_by_lease() const { return asked_by_lease_; }

 private:
  void run();
  void prove(test::HttpClient& engine);
  void ask_each(const test::Json& receipt, const test::CreatedKey& key);

  const World& world_;
  Shared& shared_;
  std::mt19937 random_;
  std::atomic<std::size_t> asked_ = 0;
  std::atomic<std::size_t> asked_by_lease_ = 0;
  std::thread thread_;
};

}  // namespace revoked::soak
