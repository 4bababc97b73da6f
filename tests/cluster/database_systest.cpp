// What happens to PostgreSQL under engines that share a journal there, while revocations go on: sessions
// ended and cancelled, restarts, settings that change, a full disk. Nothing acknowledged is lost, and nothing
// is acknowledged that a failover of the database may lose.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <optional>
#include <thread>

#include "tests/cluster/cluster.hpp"
#include "tests/support/revocation_load.hpp"
#include "tests/support/small_disk.hpp"

namespace revoked::test::database_systest {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto newest = "SELECT max(last) FROM revoked.journal";

class DatabaseFaults : public testing::Test, protected cluster::EngineCluster {
 protected:
  explicit DatabaseFaults(Options options = {}) : EngineCluster(std::move(options)) {}

  // Until that many more are acknowledged.
  static bool goes_on(const RevocationLoad& load, std::size_t more = 50) {
    const auto so_far = load.count();
    return eventually([&] { return load.count() > so_far + more; }, 60s);
  }
  void expect_nothing_lost(RevocationLoad& load) {
    load.stop();
    EXPECT_THAT(load.surprises(), IsEmpty());
    expect_in_the_journal_once(load.acknowledged());
  }
  static bool is_unknown(int status) { return status == 0 || status >= 500; }
  static int status_of_revoking(const EngineProcess& engine, const std::string& key_id) {
    try {
      auto client = engine.client();
      return revoke(client, key_id).status;
    } catch (const ConnectionFailed&) {
      return 0;
    }
  }
  static int status_of_answer(HttpClient& client) {  // 0: none
    try {
      return client.receive().status;
    } catch (const ConnectionFailed&) {
      return 0;
    }
  }
  // As GET /v1/keys/{id} shows it; empty: no answer.
  static std::string shown_state(const EngineProcess& engine, const std::string& key_id) {
    try {
      auto client = engine.client();
      return state_of(client, key_id);
    } catch (const ConnectionFailed&) {
      return {};
    }
  }
  bool is_any_current() const {
    return std::ranges::any_of(engines_, [this](const auto& engine) {
      const auto role = role_of(*engine);
      return role == "leader" || role == "follower";
    });
  }
};

TEST_F(DatabaseFaults, LosesNothingWhenSessionsAreTerminated) {
  RevocationLoad load(follower(), {}, 4, RevocationLoad::Supply::endless);
  EXPECT_TRUE(goes_on(load));
  for (int round = 0; round < 4; ++round) {
    EXPECT_GT(pair_.primary().terminate(round % 2 == 0 ? "revoked" : "revoked-member"), 0u);
    EXPECT_TRUE(goes_on(load));
  }
  expect_nothing_lost(load);
}

// A row whose wait for the standby was cancelled is visible at the primary, and lost by a promotion. Whoever
// asked for it was told that its outcome is unknown.
TEST_F(DatabaseFaults, TakesNoCancelledWaitForAConfirmation) {
  auto client = any("leader").client();
  const auto key = create_key(client), later = create_key(client);
  const auto before = std::stoi(pair_.primary().value(newest));
  pair_.standby().kill();  // paused it would have the rows in the buffers of its sockets
  std::atomic<bool> stopping = false;
  std::thread cancels([&] {
    for (; !stopping; std::this_thread::sleep_for(5ms)) {
      // Each time a row or a beat becomes visible that the standby does not have.
      pair_.primary().cancel("revoked");
      pair_.primary().cancel("revoked-member");
    }
  });
  std::vector<HttpClient> askers;
  for (auto& engine : engines_) {
    askers.push_back(engine->client());
    askers.back().connect();
    askers.back().send(askers.back().format("DELETE", "/v1/keys/" + key.key_id));
  }
  for (auto& asker : askers) EXPECT_TRUE(is_unknown(status_of_answer(asker)));
  EXPECT_GT(std::stoi(pair_.primary().value(newest)), before) << "no wait was cancelled";
  EXPECT_TRUE(eventually([&] { return !is_any_current(); })) << "by beats that were not confirmed";
  stopping = true;
  cancels.join();

  pair_.primary().kill();
  pair_.standby().start();
  pair_.fail_over(PostgresPair::Commits::wait);
  pair_.rejoin();
  for (auto& engine : engines_) {
    EXPECT_TRUE(eventually([&] { return shown_state(*engine, key.key_id) == "active"; }, 60s))
        << "the journal does not have its end, but this engine shows " << shown_state(*engine, key.key_id)
        << "\n"
        << engine->log_text();
  }
  revoke_surely(*engines_.front(), later.key_id);
}

TEST_F(DatabaseFaults, LosesNothingWhenThePrimaryIsRestarted) {
  RevocationLoad load(follower(), {}, 4, RevocationLoad::Supply::endless);
  EXPECT_TRUE(goes_on(load));
  pair_.primary().stop();
  pair_.primary().start();
  EXPECT_TRUE(goes_on(load));
  pair_.primary().stop_immediately();
  pair_.primary().start();
  EXPECT_TRUE(goes_on(load));
  expect_nothing_lost(load);
}

// As an operator may do it, or Patroni without its strict mode once the standby is gone. What waits is then
// confirmed by the primary alone, without a warning.
TEST_F(DatabaseFaults, AcknowledgesNothingOnceThePrimaryWaitsForNoStandby) {
  auto& first = any("leader");
  auto client = first.client();
  const auto key = create_key(client), later = create_key(client);
  pair_.standby().kill();
  client.send(client.format("DELETE", "/v1/keys/" + key.key_id));
  const auto waits =
      "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND "
      "application_name = 'revoked'";
  EXPECT_TRUE(eventually([&] { return pair_.primary().value(waits) == "1"; }));
  std::this_thread::sleep_for(100ms);
  pair_.primary().configure("synchronous_standby_names = ''");
  EXPECT_TRUE(is_unknown(status_of_answer(client)));
  EXPECT_TRUE(eventually([&] { return !is_any_current(); }));
  EXPECT_THAT(first.log_text(), HasSubstr("has no synchronous standby"));
  for (auto& engine : engines_) {
    EXPECT_TRUE(engine->process().is_running()) << "it waits for the server to be as it was";
    EXPECT_TRUE(is_unknown(status_of_revoking(*engine, later.key_id)));
  }

  pair_.standby().start();
  pair_.primary().configure("synchronous_standby_names = 'FIRST 1 (standby)'");
  for (auto& engine : engines_) revoke_surely(*engine, later.key_id);
}

// The servers do not show here that they wait for a standby: the promoted one has none.
class FormerPrimary : public DatabaseFaults {
 protected:
  FormerPrimary() : DatabaseFaults({.arguments = {"--journal-durability", "managed"}}) {}
};

TEST_F(FormerPrimary, IsLeftThoughItStillAcceptsConnections) {
  RevocationLoad load(follower(), {}, 4, RevocationLoad::Supply::endless);
  EXPECT_TRUE(goes_on(load));
  pair_.fail_over(PostgresPair::Commits::do_not_wait);
  EXPECT_TRUE(goes_on(load));
  EXPECT_TRUE(pair_.standby().is_running());
  expect_nothing_lost(load);
}

// The primary on a small disk.
class FullDisk : public DatabaseFaults {
 protected:
  FullDisk()
      : DatabaseFaults({.postgres = {"wal_keep_size = 0", "max_wal_size = 32MB", "min_wal_size = 32MB"}}) {
    auto& primary = pair_.primary();
    struct stat owner {};
    ::stat(primary.data().c_str(), &owner);
    primary.stop();
    copy(primary.data(), aside_.path());
    disk_.emplace(primary.data(), "160m,mode=0700,uid=" + std::to_string(owner.st_uid) +
                                      ",gid=" + std::to_string(owner.st_gid));
    if (disk_->is_mounted()) copy(aside_ / primary.data().filename(), primary.data().parent_path());
    primary.start();
  }
  static void copy(const std::filesystem::path& from, const std::filesystem::path& into) {
    Process process({.command = {"cp", "-a", from, into}});
    EXPECT_EQ(process.wait(60s), 0);
  }

  TemporaryDirectory aside_;
  std::optional<SmallDisk> disk_;
};

TEST_F(FullDisk, OfThePrimaryEndsAcknowledgementsUntilThereIsRoom) {
  if (!disk_->is_mounted()) GTEST_SKIP() << SmallDisk::why_not;
  RevocationLoad load(follower(), {}, 4, RevocationLoad::Supply::endless);
  EXPECT_TRUE(goes_on(load));
  // Each of its threads may be creating a key.
  const auto failed = [&] { return load.unknown() + load.failed_creations(); };
  const auto before = failed();
  EXPECT_TRUE(eventually(
      [&] {
        disk_->fill(0);  // and again: PostgreSQL removes segments of its log
        return failed() > before;
      },
      60s))
      << "the disk is not full";
  std::cerr << "PostgreSQL " << (pair_.primary().is_running() ? "goes on" : "has ended") << "\n";
  const auto ended = [&] { return failed() + load.count(); };
  const auto so_far = ended();
  EXPECT_TRUE(eventually([&] { return ended() > so_far; }, 60s)) << "a request hangs";
  disk_->empty();
  const auto acknowledged = load.count();
  EXPECT_TRUE(eventually(
      [&] {
        // It may yet end, by a recovery that began while there was no room.
        if (!pair_.primary().is_running()) pair_.primary().start();
        return load.count() > acknowledged + 50;
      },
      60s))
      << failed() << " requests failed; PostgreSQL\n"
      << pair_.primary().log_text() << "\nthe leader and its followers\n"
      << engines_[0]->log_text() << engines_[1]->log_text() << engines_[2]->log_text();
  expect_nothing_lost(load);
}

// With one server there is nothing to wait for; what it needs is said.
class DurabilityOfTheServer : public testing::Test {
 protected:
  DurabilityOfTheServer() {
    write_file(directory_ / "key", "master-key-of-the-cluster-0123456789\n");
    std::filesystem::permissions(directory_ / "key", std::filesystem::perms::owner_read);
  }
  std::vector<std::string> arguments(const std::string& durability) const {
    return {"--journal", server_.url(), "--journal-durability", durability, "--threads", "1"};
  }
  std::string refusal(const std::string& durability) const {
    std::vector<std::string> command{program("revoked"), "--listen",          "127.0.0.1:0",
                                     "--data-dir",       directory_ / "data", "--master-key-file",
                                     directory_ / "key"};
    const auto more = arguments(durability);
    command.insert(command.end(), more.begin(), more.end());
    Process process({.command = std::move(command), .log = directory_ / "log"});
    EXPECT_EQ(process.wait(60s), 2) << process.description();
    return process.log_text();
  }
  void expect_accepted(const std::string& durability) const {
    EngineProcess engine(
        {.arguments = arguments(durability), .master_key_file = directory_ / "key", .tls = nullptr});
    auto client = engine.client();
    EXPECT_EQ(revoke(client, create_key(client).key_id).status, 200);
  }

  TemporaryDirectory directory_;
  PostgresServer server_;
};

TEST_F(DurabilityOfTheServer, IsWhatTheOptionSays) {
  EXPECT_THAT(refusal("sync"), HasSubstr("synchronous_standby_names is empty"));
  EXPECT_THAT(refusal("sync"), HasSubstr("--journal-durability single or managed accepts that"));
  expect_accepted("managed");
  server_.configure("synchronous_commit = local");
  EXPECT_THAT(refusal("managed"), HasSubstr("synchronous_commit local"));
  expect_accepted("single");
  server_.configure("synchronous_commit = off");
  EXPECT_THAT(refusal("single"), HasSubstr("synchronous_commit off"));
  server_.configure("synchronous_commit = on");
  server_.configure("fsync = off");
  for (const auto* durability : {"single", "managed", "sync"})
    EXPECT_THAT(refusal(durability), HasSubstr("fsync off"));
}

}  // namespace revoked::test::database_systest
