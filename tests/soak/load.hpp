#pragma once
// The load: threads that continue whatever happens to the engine, and record what was acknowledged.

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <set>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/soak/world.hpp"
#include "tests/support/witness.hpp"

namespace revoked::soak {

// Shared by the threads.
struct Shared {
  std::atomic<bool> stopping{false};
  std::atomic<int> engine_starts{1};
  // Held shared by threads that need the engine up, exclusively by a thread that ends or pauses it.
  std::shared_mutex engine_is_up;
  test::Acknowledgements revocations;

  void note_position(engine::Position position, const std::string& of);
  void fault(const std::string& what);  // a violation
  std::string faults() const;
  std::size_t changes() const;

 private:
  mutable std::mutex mutex_;
  std::set<engine::Sequence> positions_;
  std::string faults_;
};

// With the master key; gives up on an engine that is paused for long.
test::HttpClient impatient_client(const test::EngineProcess& engine);
// A gateway that does not answer by then is asked again later, or allows nothing.
constexpr auto glimpse = 300ms;

bool is_ready(test::HttpClient& client);

// Creates keys, has all gateways cache them, and revokes them some seconds later: one by one, in bulk, by
// their owner. So a gateway that was disconnected meanwhile has them cached, and misses their revocation.
class Churn {
 public:
  Churn(const World& world, Shared& shared, const std::string& name, std::uint32_t seed);
  ~Churn() { thread_.join(); }

 private:
  static constexpr std::size_t keys_a_round = 20;
  static constexpr auto pause = 100ms;      // after a round
  static constexpr std::size_t stock = 15;  // rounds with active keys

  struct Round {
    std::string user;
    std::vector<test::CreatedKey> keys;
  };

  void run();
  std::vector<test::CreatedKey> create(test::HttpClient& engine, const std::string& user);
  void have_cached(const std::vector<test::CreatedKey>& keys);
  void end(test::HttpClient& engine, const std::vector<test::CreatedKey>& keys, const std::string& user);
  test::HttpResponse insist(test::HttpClient& engine, std::string_view method, const std::string& target,
                            const std::string& body = {});

  const World& world_;
  Shared& shared_;
  const std::string name_;
  std::mt19937 random_;
  int rounds_ = 0;
  std::deque<Round> living_;
  std::thread thread_;
};

// Uses every verb; after each start of the engine, checks that all of it is kept.
class Testimony {
 public:
  Testimony(const World& world, Shared& shared, const std::string& name);
  ~Testimony() {
    if (thread_.joinable()) thread_.join();
  }

  void join() { thread_.join(); }
  // The same for an engine that was started after the end of the thread.
  void check_all(test::HttpClient& engine);

 private:
  static constexpr auto pause = 150ms;           // after a round
  static constexpr int rounds_of_a_witness = 8;  // then it only waits for the next start, and is dropped
  static constexpr std::size_t kept = 12;

  void run();
  void check(test::HttpClient& engine, test::Witness& witness);

  const World& world_;
  Shared& shared_;
  const std::string name_;
  std::vector<test::Witness> witnesses_;
  int witnesses_made_ = 0;
  std::thread thread_;
};

}  // namespace revoked::soak
