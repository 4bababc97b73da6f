// The servers of tests/support/postgres_server.hpp do what the tests of a shared journal take for granted.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sstream>

#include "tests/support/eventually.hpp"
#include "tests/support/network.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/process_family.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::test::postgres_systest {

constexpr auto a_while = 500ms;
constexpr const char* create_table = "CREATE TABLE journal (n bigint PRIMARY KEY)";
constexpr const char* numbers = "SELECT string_agg(n::text, ' ' ORDER BY n) FROM journal";

std::string insert(int n) { return "INSERT INTO journal VALUES (" + std::to_string(n) + ") RETURNING n"; }

TEST(PostgresServer, KeepsWhatItAnsweredThroughAKillAndARestart) {
  PostgresServer server({.configuration = {"work_mem = 5MB"}});
  EXPECT_EQ(server.value("SHOW work_mem"), "5MB");
  EXPECT_EQ(server.value("SHOW fsync"), "on");
  EXPECT_FALSE(server.is_standby());

  PostgresConnection client(server.url());
  client.rows(create_table);
  EXPECT_EQ(client.rows(insert(1)), (PostgresRows{{"1"}}));
  server.kill();
  EXPECT_THROW(client.rows(insert(2)), PostgresError);
  EXPECT_THROW(PostgresConnection{server.url()}, PostgresError);
  server.start();
  EXPECT_EQ(server.value(numbers), "1");
  server.stop();
  EXPECT_FALSE(server.is_running());
  server.start();
  server.stop_immediately();
  server.start();
  EXPECT_EQ(server.value(numbers), "1");
  server.configure("work_mem = 6MB");
  EXPECT_EQ(server.value("SHOW work_mem"), "6MB");
}

TEST(PostgresServer, RefusalsHaveTheirCode) {
  PostgresServer server;
  try {
    server.rows("SELECT 1; SELECT nothing");
    FAIL();
  } catch (const PostgresError& error) {
    EXPECT_EQ(error.sqlstate, "42703") << error.what();
  }
}

TEST(PostgresServer, APausedOneAnswersLater) {
  PostgresServer server;
  PostgresConnection client(server.url());
  server.pause();
  client.send("SELECT 1");
  EXPECT_FALSE(client.result(a_while));
  server.resume();
  EXPECT_EQ(client.result(20s), (PostgresRows{{"1"}}));
}

TEST(PostgresServer, SessionsAreEndedByTheirApplication) {
  PostgresServer server;
  PostgresConnection asleep(server.url() + "?application_name=sleeper");
  PostgresConnection other(server.url() + "?application_name=other");
  const auto is_asleep = [&] {
    return server.value(
               "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sleeper' AND "
               "wait_event = 'PgSleep'") == "1";
  };
  asleep.send("SELECT pg_sleep(100)");
  ASSERT_TRUE(eventually(is_asleep));
  EXPECT_EQ(server.cancel("sleeper"), 1);
  EXPECT_THROW(asleep.result(20s), PostgresError);
  EXPECT_EQ(asleep.rows("SELECT 1"), (PostgresRows{{"1"}}));
  EXPECT_EQ(server.terminate("sleeper"), 1);
  EXPECT_THROW(asleep.rows("SELECT 1"), PostgresError);
  EXPECT_EQ(other.rows("SELECT 1"), (PostgresRows{{"1"}}));
}

TEST(PostgresServer, NoProcessOfItIsLeftWhenTheTestDies) {
  PostgresServer first;  // what servers are copied from is of this process
  TemporaryDirectory directory;
  const pid_t test = ::fork();
  if (test == 0) {
    PostgresServer server;
    PostgresConnection client(server.url());
    write_file(directory / "pids", client.rows("SELECT pg_backend_pid()")[0][0] + " " +
                                       read_file(server.data() / "postmaster.pid"));
    write_file(directory / "data", server.data().string());
    server.pause();
    ::raise(SIGKILL);
  }
  ASSERT_EQ(::waitpid(test, nullptr, 0), test);
  std::istringstream pids(read_file(directory / "pids"));
  pid_t session = 0;
  pid_t server = 0;
  ASSERT_TRUE(pids >> session >> server);
  EXPECT_TRUE(eventually([&] { return has_ended(session) && has_ended(server); }))
      << session << " " << server;
  std::filesystem::remove_all(std::filesystem::path(read_file(directory / "data")).parent_path());
}

class PostgresServerPair : public testing::Test {
 protected:
  PostgresServerPair() {
    pair_.primary().rows(create_table);
    // A commit waits until the standby has it, and does not show it yet.
    EXPECT_TRUE(eventually(
        [&] { return pair_.standby().value("SELECT to_regclass('journal') IS NOT NULL") == "t"; }));
  }

  PostgresPair pair_;
};

TEST_F(PostgresServerPair, AnInsertWaitsForTheStandby) {
  PostgresConnection client(pair_.url() + "&application_name=engine");
  EXPECT_EQ(client.rows(insert(1)), (PostgresRows{{"1"}}));
  EXPECT_TRUE(pair_.standby().is_standby());
  EXPECT_TRUE(eventually([&] { return pair_.standby().value(numbers) == "1"; }));

  pair_.standby().pause();
  client.send(insert(2));
  EXPECT_FALSE(client.result(a_while));
  pair_.standby().resume();
  EXPECT_EQ(client.result(20s), (PostgresRows{{"2"}}));

  pair_.standby().kill();
  client.send(insert(3));
  EXPECT_FALSE(client.result(a_while));
  pair_.standby().start();
  EXPECT_EQ(client.result(20s), (PostgresRows{{"3"}}));
  EXPECT_TRUE(client.notices().empty());
}

TEST_F(PostgresServerPair, ACancelledWaitAnswersSuccessWithAWarning) {
  PostgresConnection client(pair_.url() + "&application_name=engine");
  pair_.standby().pause();
  client.send(insert(1));
  EXPECT_FALSE(client.result(a_while));
  EXPECT_EQ(pair_.primary().cancel("engine"), 1);
  EXPECT_EQ(client.result(20s), (PostgresRows{{"1"}}));
  EXPECT_EQ(client.notices(), (std::vector<std::string>{"01000"}));
}

TEST_F(PostgresServerPair, APromotedStandbyHasEveryAnsweredRow) {
  PostgresConnection client(pair_.url());
  client.rows(insert(1));
  pair_.standby().kill();
  client.send(insert(2));
  EXPECT_FALSE(client.result(a_while));
  EXPECT_EQ(pair_.primary().value(numbers), "1") << "a row that waits is not visible";

  auto& former = pair_.primary();
  former.kill();
  EXPECT_THROW(client.result(20s), PostgresError);
  pair_.standby().start();
  pair_.fail_over(PostgresPair::Commits::do_not_wait);
  PostgresConnection again(pair_.url());
  EXPECT_EQ(again.rows(numbers), (PostgresRows{{"1"}}));
  EXPECT_EQ(again.rows(insert(3)), (PostgresRows{{"3"}}));

  pair_.rejoin();
  EXPECT_EQ(&pair_.standby(), &former);
  EXPECT_TRUE(former.is_standby());
  EXPECT_EQ(former.value(numbers), "1 3");
  former.pause();
  again.send(insert(4));
  EXPECT_FALSE(again.result(a_while));
  former.resume();
  EXPECT_EQ(again.result(20s), (PostgresRows{{"4"}}));

  pair_.primary().kill();
  pair_.fail_over(PostgresPair::Commits::wait);
  EXPECT_EQ(pair_.primary().value(numbers), "1 3 4");
  PostgresConnection third(pair_.url());
  third.send(insert(5));
  EXPECT_FALSE(third.result(a_while)) << "there is no standby";
  pair_.rejoin();
  EXPECT_EQ(third.result(20s), (PostgresRows{{"5"}}));
}

TEST(PostgresServer, APairInANetworkIsCutByIt) {
  if (!Network::is_permitted()) GTEST_SKIP() << Network::why_not;
  Network network(2);
  const auto start = [&network](std::size_t host, const PostgresServer* primary) {
    const Network::Stay stay(network, host);
    return std::make_unique<PostgresServer>(
        PostgresServer::Options{.address = network.address(host), .primary = primary});
  };
  auto primary = start(0, nullptr);
  auto standby = start(1, primary.get());
  PostgresPair pair(std::move(primary), std::move(standby));
  pair.primary().rows(create_table);

  network.cut({{0, 1}});
  PostgresConnection client(pair.primary().local_address());
  client.send(insert(1));
  EXPECT_FALSE(client.result(a_while));
  network.mend();
  EXPECT_EQ(client.result(60s), (PostgresRows{{"1"}}));
  const Network::Stay stay(network, 1);
  EXPECT_EQ(PostgresConnection(pair.url()).rows(numbers), (PostgresRows{{"1"}}));
}

}  // namespace revoked::test::postgres_systest
