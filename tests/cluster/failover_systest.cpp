// Several engines on one journal in PostgreSQL, with a synchronous standby: one leads, the others follow and
// pass changes on, and another leads when the first one is gone.

#include <gmock/gmock.h>
#include <signal.h>

#include <atomic>
#include <set>
#include <thread>

#include "tests/cluster/cluster.hpp"
#include "tests/cluster/history.hpp"
#include "tests/support/gateway_observer.hpp"
#include "tests/support/revocation_load.hpp"
#include "tests/support/rounds.hpp"

namespace revoked::test::failover_systest {

using cluster::Clock;
using cluster::EngineCluster;
using cluster::lease;

class Cluster : public testing::Test, protected EngineCluster {
 protected:
  explicit Cluster(Options options = {}) : EngineCluster(std::move(options)) {}
};

TEST_F(Cluster, TakesChangesAtEveryEngineAndAnswersOnceThatEngineHasThem) {
  for (auto& engine : engines_) {
    auto client = engine->client();
    const auto key = create_key(client, {{"user", "ann"}});
    EXPECT_TRUE(verify(client, key.secret)["active"].is_true());
    const auto revoked = revoke(client, key.key_id);
    EXPECT_EQ(revoked.status, 200) << revoked.body;
    EXPECT_NE(revoked.header("Revocation-Position"), "");
    EXPECT_EQ(verify(client, key.secret)["state"].text(), "revoked");
    for (auto& other : engines_) {
      auto elsewhere = other->client();
      EXPECT_TRUE(eventually([&] { return verify(elsewhere, key.secret)["state"].text() == "revoked"; }));
    }
    EXPECT_EQ(client.request("DELETE", "/v1/keys/none").status, 404);
    auto anybody = HttpClient(engine->port());
    EXPECT_EQ(anybody.request("DELETE", "/v1/keys/" + key.key_id).status, 401);
  }
  auto client = engines_.front()->client();
  EXPECT_TRUE(eventually(
      [&] { return client.get("/v1/engines").json()["engines"].items().size() == engines_.size(); }));
  const auto engines = client.get("/v1/engines").json()["engines"];
  std::multiset<std::string> roles;
  for (const auto& each : engines.items()) roles.insert(each["role"].text());
  EXPECT_EQ(roles.count("leader"), 1u);
}

TEST_F(Cluster, PassesBodiesOfAnyLengthOn) {
  auto client = follower().client();
  std::string lines;
  constexpr int keys = 20'000;
  for (int i = 0; i < keys; ++i)
    lines += "{\"key_id\":\"imported-" + std::to_string(i) + "\",\"secret\":\"secret-of-" +
             std::to_string(i) + "\",\"user\":\"u\"}\n";
  const auto imported =
      client.request("POST", "/v1/keys/import", {{"Content-Type", "application/x-ndjson"}}, lines);
  EXPECT_EQ(imported.status, 200) << imported.body;
  EXPECT_EQ(imported.json()["created"].number(), keys) << imported.body;
  const auto revoked = revoke_owner(client, "user", "u");
  EXPECT_EQ(revoked.json()["revoked"].number(), keys) << revoked.body;
  EXPECT_EQ(verify(client, "secret-of-7")["state"].text(), "revoked");
}

TEST_F(Cluster, LosesNothingWhenTheLeaderIsKilledUnderLoad) {
  std::vector<Clock::duration> silences;
  for (int round = 0; round < 3; ++round) {
    auto& first = any("leader");
    auto& other = follower();
    RevocationLoad load(other, {}, 4, RevocationLoad::Supply::endless);
    EXPECT_TRUE(eventually([&] { return load.count() > 50; }));
    auto client = other.client();
    const auto key = create_key(client);
    first.kill();
    const auto took = revoke_surely(other, key.key_id);
    silences.push_back(took);
    std::cerr << "without a leader for "
              << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms\n";
    const auto so_far = load.count();
    EXPECT_TRUE(eventually([&] { return load.count() > so_far + 50; }));
    load.stop();
    EXPECT_THAT(load.surprises(), testing::IsEmpty());
    first.start();
    expect_in_the_journal_once(load.acknowledged());
  }
  // A pause of a busy machine lengthens one of them.
  const auto counts = tests_everything() ? std::ranges::max(silences) : std::ranges::min(silences);
  EXPECT_LT(counts, programs_are_sanitized() ? 20s : 3 * lease + 1s);
}

// Its answer would never come.
TEST_F(Cluster, AFollowerRepeatsAtTheNextLeaderWhatWasUnderWayToTheLast) {
  auto& first = any("leader");
  std::vector<HttpClient> askers;
  for (auto& engine : engines_) {
    if (engine.get() == &first) continue;
    askers.push_back(engine->client());
    askers.back().connect();
  }
  std::vector<CreatedKey> keys;
  auto client = first.client();
  for (std::size_t i = 0; i < askers.size(); ++i) keys.push_back(create_key(client));
  first.process().signal(SIGSTOP);
  const auto asked = Clock::now();
  for (std::size_t i = 0; i < askers.size(); ++i)
    askers[i].send(askers[i].format("DELETE", "/v1/keys/" + keys[i].key_id));
  wait_for_another_leader(first);
  const auto led = Clock::now();
  if (led - asked > cluster::soon_enough) GTEST_SKIP() << "no leader in time";
  for (auto& asker : askers) EXPECT_EQ(asker.receive().status, 200);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - led);
  EXPECT_LT(took, 1s) << "it waited for the stopped one";
  first.process().signal(SIGCONT);
}

TEST_F(Cluster, AStoppedLeaderAcknowledgesNothingWhenItGoesOn) {
  auto* const first = &any("leader");
  auto client = first->client();
  const auto key = create_key(client), other = create_key(client), third = create_key(client);
  auto waiting = first->client();
  waiting.connect();
  first->process().signal(SIGSTOP);
  waiting.send(waiting.format("DELETE", "/v1/keys/" + other.key_id));
  auto asks = first->client();
  asks.connect();
  asks.send(asks.format("POST", "/v1/keys/verify", {}, json_object({{"secret", key.secret}})));
  wait_for_another_leader(*first);
  for (auto& engine : engines_) {
    if (engine.get() != first) revoke_surely(*engine, key.key_id);
  }
  first->process().signal(SIGCONT);
  int status = 0;
  try {
    status = waiting.receive().status;
  } catch (const ConnectionFailed&) {
  }
  EXPECT_NE(status, 200) << "of the former leader itself";
  try {
    EXPECT_NE(asks.receive().json()["state"].text(), "active") << "another engine has acknowledged its end";
  } catch (const ConnectionFailed&) {
  }
  EXPECT_TRUE(eventually([&] { return role_of(*first) == "follower"; })) << first->process().description();
  auto again = first->client();
  EXPECT_EQ(verify(again, key.secret)["state"].text(), "revoked");
  EXPECT_EQ(revoke(again, third.key_id).status, 200);
}

TEST_F(Cluster, AcknowledgesNothingWithoutTheStandby) {
  auto* const first = &any("leader");
  auto client = first->client();
  const auto key = create_key(client);
  pair_.standby().pause();
  const auto began = Clock::now();
  try {
    EXPECT_GE(revoke(client, key.key_id).status, 500);
  } catch (const ConnectionFailed&) {
  }
  EXPECT_LT(Clock::now() - began, programs_are_sanitized() ? 15s : 5s);
  EXPECT_TRUE(eventually([&] {
    return std::ranges::none_of(engines_, [this](auto& engine) {
      const auto role = role_of(*engine);
      return role == "leader" || role == "follower";
    });
  }));
  pair_.standby().resume();
  revoke_surely(*first, key.key_id);
  EXPECT_TRUE(eventually([&] { return leader() != nullptr; }));
}

TEST_F(Cluster, GoesOnAtAPromotedStandbyWithAllThatWasAcknowledged) {
  RevocationLoad load(follower(), {}, 2, RevocationLoad::Supply::endless);
  EXPECT_TRUE(eventually([&] { return load.count() > 50; }));
  pair_.primary().kill();
  pair_.fail_over(PostgresPair::Commits::wait);
  pair_.rejoin();
  const auto so_far = load.count();
  EXPECT_TRUE(eventually([&] { return load.count() > so_far + 50; }, 60s));
  load.stop();
  EXPECT_THAT(load.surprises(), testing::IsEmpty());
  expect_in_the_journal_once(load.acknowledged());
}

// A row that the standby has not confirmed is shown once the wait for it was cancelled: engines copy it.
TEST_F(Cluster, AcknowledgesNoRowThatAPromotionHasLost) {
  auto& first = any("leader");
  auto admin = first.client();
  const auto key = create_key(admin);
  cluster::Recorder recorder;
  constexpr std::size_t askers = 4;  // at each engine
  pair_.standby().kill();
  std::vector<std::unique_ptr<RevocationLoad>> loads;
  for (std::size_t i = 0; i < engines_.size(); ++i) {
    if (engines_[i].get() == &first) continue;
    loads.push_back(std::make_unique<RevocationLoad>(
        RevocationLoad::Options{.engines = {{.process = engines_[i].get(), .number = i}},
                                .keys = std::vector<CreatedKey>(askers, key),
                                .threads = askers,
                                .supply = RevocationLoad::Supply::of_keys,
                                .on_change = [&recorder](const Change& change) { recorder.add(change); }}));
  }
  // Mostly they do: one that is about to prove itself waits for the standby instead.
  const auto have_copied = [&] {
    pair_.primary().cancel("revoked");
    return std::ranges::all_of(engines_, [&](auto& engine) {
      auto client = engine->client();
      return engine.get() == &first || state_of(client, key.key_id) == "revoked";
    });
  };
  eventually(have_copied, 1s);
  first.kill();
  pair_.primary().kill();
  pair_.standby().start();
  pair_.fail_over(PostgresPair::Commits::wait);
  pair_.rejoin();
  EXPECT_TRUE(eventually([&] { return recorder.acknowledgements().size() == askers * loads.size(); }, 60s));
  for (const auto& load : loads) EXPECT_THAT(load->surprises(), testing::IsEmpty());
  EXPECT_THAT(cluster::violations(recorder.history(), cluster::read_journal(pair_.primary())),
              testing::IsEmpty());
}

// A gateway goes on with another engine: what was acknowledged anywhere is denied within its bound, and it
// never becomes stale while an engine is current.
TEST_F(Cluster, AGatewayDeniesInTimeWhileEnginesAreKilled) {
  constexpr auto stale_after = 3s;
  GatewayProcess gateway(*engines_.front(), gateway_options("3s"));
  // Longer than any time without a current engine on a busy machine.
  GatewayProcess patient(*engines_.front(), gateway_options("30s"));
  RevocationLoad load(follower(), {}, 2, RevocationLoad::Supply::endless);
  // A follower's proof may be as old as its lease.
  Lateness lateness(stale_after);
  const GatewayObserver observer({.name = "the gateway", .port = gateway.port()}, load.acknowledgements(),
                                 lateness);
  EXPECT_TRUE(eventually([&] { return load.count() > 50; }));
  auto admin = follower().client();
  const auto alive = create_key(admin);
  {
    auto client = patient.client();
    ASSERT_TRUE(eventually([&] { return check(client, alive.secret).status == 200; }));  // and keeps it
  }
  const auto began = patient.log_text().rfind("restarts at");
  std::atomic<bool> stopping = false;
  std::multiset<std::string> undecided;  // of the thread, until it has ended
  std::thread asks([&] {
    auto client = patient.client();
    for (; !stopping; std::this_thread::sleep_for(5ms)) {
      try {
        const auto answer = check(client, alive.secret);
        if (answer.status != 200) undecided.insert(std::string(answer.header("X-Revoked-Reason")));
      } catch (const ConnectionFailed&) {
        client.close();
      }
    }
  });
  for (int round = 0; round < 2; ++round) {
    for (const std::string_view role : {"leader", "follower"}) {
      auto& one = any(role);
      one.kill();
      any("leader");
      one.start();
    }
  }
  load.stop();
  std::this_thread::sleep_until(load.acknowledged().back().at + lateness.bound());
  EXPECT_TRUE(eventually([&] { return observer.asked_late() > 50; }));
  stopping = true;
  asks.join();
  EXPECT_EQ(lateness.violations(), "");
  const auto log = patient.log_text();
  EXPECT_EQ(undecided.count("stale"), 0u) << "while an engine was current\n" << log;
  // A killed leader may have told it of a change that is not durable. Until that is settled it asks an engine
  // about each key, perhaps one that was just killed.
  const bool asked = log.find("\"repairing\"") != std::string::npos || log.rfind("restarts at") != began;
  if (!asked) {
    EXPECT_THAT(undecided, testing::IsEmpty()) << log;
  }
  std::cerr << "allowed at the latest " << lateness.worst().count() << " ms after an acknowledgement\n";
}

class RestartedCluster : public Cluster {
 protected:
  RestartedCluster() : Cluster({.lease = cluster::long_lease}) {}
};

TEST_F(RestartedCluster, FailsNoRequestAtTheEngineThatStays) {
  RevocationLoad load(*engines_.back(), {}, 2, RevocationLoad::Supply::endless);
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i + 1 < engines_.size(); ++i) {
      const auto so_far = load.count();
      EXPECT_EQ(engines_[i]->stop(), 0);
      EXPECT_TRUE(eventually([&] { return load.count() > so_far + 20; }));
      engines_[i]->start();
    }
  }
  load.stop();
  EXPECT_EQ(load.unknown(), 0u);
  EXPECT_THAT(load.surprises(), testing::IsEmpty());
  expect_in_the_journal_once(load.acknowledged());
}

// A new data directory fills from the journal, one of another journal is set aside.
TEST_F(Cluster, FillsAnEmptyDataDirectoryAndSetsAForeignOneAside) {
  auto client = engines_.front()->client();
  const auto key = create_key(client);
  revoke(client, key.key_id);
  EngineProcess fresh(engine_options());
  auto asks = fresh.client();
  EXPECT_EQ(verify(asks, key.secret)["state"].text(), "revoked");
  fresh.kill();
  EngineProcess alone({.master_key_file = key_file(), .tls = nullptr});
  auto foreign = alone.client();
  const auto secret = create_key(foreign).secret;
  alone.stop();
  std::filesystem::remove_all(fresh.data_directory());
  std::filesystem::copy(alone.data_directory(), fresh.data_directory(),
                        std::filesystem::copy_options::recursive);
  fresh.start();
  auto again = fresh.client();
  EXPECT_EQ(verify(again, key.secret)["state"].text(), "revoked");
  EXPECT_NE(fresh.log_text().find("the copy of the shared journal is set aside"), std::string::npos);
  // It is a journal like any other.
  EngineProcess aside({.master_key_file = key_file(), .tls = nullptr});
  aside.stop();
  std::filesystem::remove_all(aside.data_directory());
  std::filesystem::rename(fresh.data_directory() / "set-aside", aside.data_directory());
  aside.start();
  auto there = aside.client();
  EXPECT_EQ(verify(there, secret)["state"].text(), "active");
}

}  // namespace revoked::test::failover_systest
