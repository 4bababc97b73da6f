#pragma once
// Several engines on hosts of their own, and faults of them, of PostgreSQL and of the links, one at a time.

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/cluster/cluster.hpp"

namespace revoked::test::cluster {

using std::chrono::milliseconds;

// What `begin` does lasts until `end`, but for some that are over at once.
struct Fault {
  std::string name;
  // What is not there meanwhile: an engine that can lead must wait for the lease, or for the database.
  enum class Takes { nothing, lead, database };
  Takes takes;
  std::function<void()> begin;
  std::function<void()> end;
  milliseconds least = lease / 4;  // from the beginning to the end
};

// The gateways of the test are on the hosts after those of the engines. Needs Network::is_permitted().
class FaultyCluster : public EngineCluster {
 public:
  FaultyCluster(std::size_t gateways, unsigned seed)
      : EngineCluster({.more_hosts = gateways}), random_(seed) {}

  // REVOKED_TEST_FAULT: only of those with that in their name, to look closely at one.
  Fault draw() {
    auto all = faults();
    if (const char* const wanted = std::getenv("REVOKED_TEST_FAULT"))
      std::erase_if(all, [&](auto& each) { return each.name.find(wanted) == std::string::npos; });
    return all.at(random_() % std::max<std::size_t>(all.size(), 1));
  }
  milliseconds draw_time(milliseconds least) {
    std::uniform_int_distribution<milliseconds::rep> distribution(least.count(), longest_fault.count());
    return milliseconds(distribution(random_));
  }

 private:
  static constexpr milliseconds longest_fault = 2 * lease;

  using Direction = Network::Direction;
  // Between each of these and each of those: one way, the other, or both.
  void cut(const std::vector<std::size_t>& these, const std::vector<std::size_t>& those) {
    const auto ways = 1 + random_() % 3;
    std::vector<Direction> directions;
    for (const auto one : these) {
      for (const auto other : those) {
        if ((ways & 1) != 0) directions.push_back({one, other});
        if ((ways & 2) != 0) directions.push_back({other, one});
      }
    }
    network_->cut(directions);
  }
  std::vector<std::size_t> hosts_of_gateways() const {
    std::vector<std::size_t> hosts;
    for (std::size_t i = 0; i < *options_.more_hosts; ++i) hosts.push_back(first_free_host() + i);
    return hosts;
  }
  std::vector<std::size_t> hosts_of_others(const EngineProcess& engine) const {
    std::vector<std::size_t> hosts;
    for (std::size_t i = 0; i < engines_.size(); ++i) {
      if (engines_[i].get() != &engine) hosts.push_back(host_of_engine(i));
    }
    return hosts;
  }
  std::vector<std::size_t> hosts_of_servers() const { return {0, 1}; }
  std::size_t host_of(const PostgresServer& server) const {
    return server.host_and_port().starts_with(network_->address(0) + ":") ? 0 : 1;
  }

  std::vector<Fault> faults() {
    using enum Fault::Takes;
    auto& first = any("leader");
    auto& other = follower();
    const auto mend = [this] { network_->mend(); };
    // Which session, of each engine: the one that appends, or the one that keeps the lead and follows.
    const std::string session = random_() % 2 == 0 ? "revoked" : "revoked-member";
    const auto taken = session == "revoked" ? lead : nothing;
    const auto name_of = [&](const char* name) { return std::string(name) + " (" + session + ")"; };
    return {
        {"leader killed", lead, [&first] { first.kill(); },
         [this, &first] {
           const auto stay = stay_at(first);
           first.start();
         }},
        {"leader stopped", lead, [&first] { first.process().signal(SIGSTOP); },
         [&first] { first.process().signal(SIGCONT); }, lease + lease / 5},
        {"leader cut from PostgreSQL", lead,
         [this, &first] { cut({host_of_engine(first)}, hosts_of_servers()); }, mend},
        {"leader cut from its followers", nothing,
         [this, &first] { cut({host_of_engine(first)}, hosts_of_others(first)); }, mend},
        {"leader cut from the gateways", nothing,
         [this, &first] { cut({host_of_engine(first)}, hosts_of_gateways()); }, mend},
        {"follower cut from PostgreSQL", nothing,
         [this, &other] { cut({host_of_engine(other)}, hosts_of_servers()); }, mend},
        {name_of("backends terminated"), taken, [this, session] { pair_.primary().terminate(session); },
         [] {}},
        {name_of("statements cancelled"), taken, [this, session] { cancel_for_a_while(session); }, [] {}},
        {"standby paused", database, [this] { pair_.standby().pause(); },
         [this] { pair_.standby().resume(); }},
        {"primary killed, standby promoted", database,
         [this] {
           pair_.primary().kill();
           pair_.fail_over(PostgresPair::Commits::wait);
         },
         [this] { rejoin(); }},
        {"primary cut off, standby promoted", database, [this, &first] { promote_behind_the_primary(first); },
         [this] {
           pair_.standby().kill();
           network_->mend();
           rejoin();
         }},
        {"waits cancelled, standby promoted", database, [this] { promote_after_cancelled_waits(); },
         [this] {
           network_->mend();
           rejoin();
         }},
        {"primary restarted", database,
         [this] {
           const auto stay = stay_at(host_of(pair_.primary()));
           pair_.primary().stop_immediately();
           pair_.primary().start();
         },
         [] {}},
    };
  }
  void rejoin() {
    const auto stay = stay_at(host_of(pair_.standby()));
    pair_.rejoin();
  }
  // The former primary goes on without knowing; the leader still reaches it, or nobody does.
  void promote_behind_the_primary(const EngineProcess& first) {
    auto others = hosts_of_others(first);
    others.push_back(host_of(pair_.standby()));
    if (random_() % 2 == 0) others.push_back(host_of_engine(first));
    const auto primary = host_of(pair_.primary());
    for (const auto other : others) network_->cut({{primary, other}, {other, primary}});
    pair_.fail_over(PostgresPair::Commits::wait);
  }
  // PostgreSQL answers success to a cancelled wait for the standby, which never hears of what was written.
  void promote_after_cancelled_waits() {
    const auto primary = host_of(pair_.primary()), standby = host_of(pair_.standby());
    network_->cut({{primary, standby}, {standby, primary}});
    cancel_for_a_while("revoked");
    pair_.primary().kill();
    pair_.fail_over(PostgresPair::Commits::wait);
  }
  // Of the sessions that there are now: not that of the next leader as well. One that waits for nothing takes
  // no notice.
  void cancel_for_a_while(const std::string& session) {
    const auto these = "FROM pg_stat_activity WHERE application_name = '" + session + "'";
    const auto pids = pair_.primary().value("SELECT string_agg(pid::text, ',') " + these);
    for (int i = 0; i < 20 && !pids.empty(); ++i) {
      pair_.primary().rows("SELECT pg_cancel_backend(pid) " + these + " AND pid IN (" + pids + ")");
      std::this_thread::sleep_for(5ms);
    }
  }

  std::mt19937 random_;
};

}  // namespace revoked::test::cluster
