#pragma once
// Several engines that share a journal in PostgreSQL with a synchronous standby: on loopback, or each program
// on a host of its own in a Network, so that the links between them can be cut.

#include <gtest/gtest.h>
#include <algorithm>

#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/support/acknowledged.hpp"
#include "tests/support/network.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test::cluster {

using Clock = std::chrono::steady_clock;

constexpr auto lease = 2s;  // of the engines, unless they are told otherwise
// Where nobody takes the lead of an engine that does not give it up: no pause of a busy machine does either.
constexpr auto long_lease = 10s;
// A follower that finds no leader for 5 s says so to its clients. Beyond this a test of what they see says
// nothing: the machine was too busy.
constexpr auto soon_enough = 4s;

// Not thread-safe. Programs are started by the thread that makes it.
class EngineCluster {
 public:
  struct Options {
    std::size_t engines = 3;
    std::vector<std::string> arguments{};  // of each engine, in addition
    std::chrono::seconds lease = cluster::lease;
    // In a Network (if Network::is_permitted): with this many hosts after those of the servers and the
    // engines. Nothing: all on loopback.
    std::optional<std::size_t> more_hosts{};
    std::vector<std::string> postgres{};    // lines of postgresql.conf
    const CertificateFiles* tls = nullptr;  // null: HTTP
  };

  EngineCluster() : EngineCluster(Options{}) {}
  explicit EngineCluster(Options options) : options_(std::move(options)) {
    std::ofstream(key_file()) << "master-key-of-the-cluster-0123456789\n";
    std::filesystem::permissions(key_file(), std::filesystem::perms::owner_read);
    for (std::size_t i = 0; i < options_.engines; ++i) {
      const auto stay = stay_at(host_of_engine(i));
      engines_.push_back(std::make_unique<EngineProcess>(engine_options(host_of_engine(i))));
    }
    EXPECT_TRUE(eventually([&] { return leader() != nullptr; }));
  }

  // ---- hosts: the servers (of PostgreSQL, as they were made first), the engines, and what is left

  static constexpr std::size_t first_engine_host = 2;
  static std::size_t host_of_engine(std::size_t engine) { return first_engine_host + engine; }
  std::size_t host_of_engine(const EngineProcess& engine) const { return host_of_engine(index_of(engine)); }
  std::size_t first_free_host() const { return first_engine_host + options_.engines; }
  const Network* network() const { return network_ ? &*network_ : nullptr; }  // null: all on loopback
  // What this thread starts or connects meanwhile is on that host; nothing else without a Network.
  Network::Stay stay_at(std::size_t host) const { return Network::Stay(network(), host); }
  Network::Stay stay_at(const EngineProcess& engine) const { return stay_at(host_of_engine(engine)); }

  // ---- engines

  std::filesystem::path key_file() const { return directory_ / "key"; }
  EngineProcess::Options engine_options(std::size_t host = 0) const {
    EngineProcess::Options options;
    options.arguments = {"--journal", pair_.url(), "--threads",
                         "1",         "--lease",   std::to_string(options_.lease.count()) + "s"};
    options.arguments.insert(options.arguments.end(), options_.arguments.begin(), options_.arguments.end());
    options.master_key_file = key_file();
    options.tls = options_.tls;
    if (network_) {
      options.host = "0.0.0.0";
      options.advertised_host = network_->address(host);
    }
    return options;
  }
  // Of a gateway that may use all engines, from the first one on.
  GatewayProcess::Options gateway_options(const std::string& stale_after, std::size_t first = 0) const {
    std::string urls;
    for (std::size_t i = 0; i < engines_.size(); ++i)
      urls += (urls.empty() ? "" : ",") + engines_[(first + i) % engines_.size()]->url();
    return {urls, {}, {"--stale-after", stale_after}, nullptr};
  }

  // leader, follower, "not current", or gone.
  std::string role_of(const EngineProcess& engine) const {
    const auto stay = stay_at(engine);
    try {
      const auto ready = engine.client(2s).get("/readyz");
      return ready.status == 200 ? ready.json()["role"].text() : "not current";
    } catch (const ConnectionFailed&) {
      return "gone";
    }
  }
  EngineProcess* leader() const {
    for (auto& engine : engines_) {
      if (role_of(*engine) == "leader") return engine.get();
    }
    return nullptr;
  }
  // Does not ask the one before, which may not answer.
  void wait_for_another_leader(const EngineProcess& before) const {
    EXPECT_TRUE(eventually([&] {
      return std::ranges::any_of(engines_, [&](const auto& engine) {
        return engine.get() != &before && role_of(*engine) == "leader";
      });
    }));
  }
  // Which it is may change when the machine is busy.
  EngineProcess& any(std::string_view role) const {
    EngineProcess* found = nullptr;
    const auto find = [&] {
      for (auto& engine : engines_) {
        if (role_of(*engine) == role) found = engine.get();
      }
      return found != nullptr;
    };
    if (!eventually(find)) throw std::runtime_error("no engine is " + std::string(role));
    return *found;
  }
  EngineProcess& follower() const { return any("follower"); }
  std::size_t index_of(const EngineProcess& engine) const {
    std::size_t i = 0;
    while (engines_.at(i).get() != &engine) ++i;
    return i;
  }

  // Repeats it until the answer is a 2xx: how long that took.
  Clock::duration revoke_surely(EngineProcess& engine, const std::string& key_id) {
    const auto began = Clock::now();
    EXPECT_TRUE(eventually([&] {
      const auto stay = stay_at(engine);
      try {
        auto client = engine.client();
        return revoke(client, key_id).status == 200;
      } catch (const ConnectionFailed&) {
        return false;
      }
    })) << engine.process().description()
        << engine.log_text();
    return Clock::now() - began;
  }
  // Every engine knows them as revoked, and each has a place of its own in the journal, which has no gap.
  void expect_in_the_journal_once(const std::vector<Acknowledged>& acknowledged) {
    std::set<engine::Sequence> seen;
    for (const auto& each : acknowledged)
      EXPECT_TRUE(seen.insert(each.position.sequence).second) << to_string(each.position) << " twice";
    for (auto& engine : engines_) {
      if (role_of(*engine) == "gone") continue;
      const auto stay = stay_at(*engine);
      auto client = engine->client();
      // One that loses the lead starts again.
      const auto is_revoked = [&](const std::string& key_id) {
        try {
          return state_of(client, key_id) == "revoked";
        } catch (const ConnectionFailed&) {
          client.close();
          return false;
        }
      };
      for (const auto& each : acknowledged)
        EXPECT_TRUE(eventually([&] { return is_revoked(each.key.key_id); }))
            << each.key.key_id << " at " << to_string(each.position);
    }
    EXPECT_EQ(
        pair_.primary().value("SELECT count(*) FROM (SELECT first, lag(last) OVER (ORDER BY first) AS before "
                              "FROM revoked.journal) AS rows WHERE first <> coalesce(before, 0) + 1"),
        "0");
  }

 protected:
  std::unique_ptr<PostgresServer> make_server(std::size_t host, const PostgresServer* primary) const {
    const auto stay = stay_at(host);
    PostgresServer::Options options{.configuration = options_.postgres, .primary = primary};
    if (network_) options.address = network_->address(host);
    return std::make_unique<PostgresServer>(std::move(options));
  }
  PostgresPair make_pair() const {
    auto primary = make_server(0, nullptr);
    auto standby = make_server(1, primary.get());
    return PostgresPair(std::move(primary), std::move(standby));
  }

  const Options options_;
  TemporaryDirectory directory_;
  std::optional<Network> network_ =
      options_.more_hosts
          ? std::optional<Network>(std::in_place, first_engine_host + options_.engines + *options_.more_hosts)
          : std::nullopt;
  PostgresPair pair_ = make_pair();
  std::vector<std::unique_ptr<EngineProcess>> engines_;
};

}  // namespace revoked::test::cluster
