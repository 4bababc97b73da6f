// Sentinels that lie, differ, or ask for a password.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <optional>

#include "tests/cache/bus/redis_bus.hpp"
#include "tests/cache/bus/scripted_redis.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::cache::redis_sentinels_test {

using test::eventually;
using test::Inbox;
using test::Loop;
using test::ScriptedRedis;
using Words = ScriptedRedis::Words;

const std::string ok = "+OK\r\n";
const std::string no_password = "-NOAUTH Authentication required.\r\n";
const std::string question = "SENTINEL GET-MASTER-ADDR-BY-NAME main";

std::string named(const RedisServer& server) {
  const auto bulk = [](const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
  };
  return "*2\r\n" + bulk(server.host) + bulk(std::to_string(server.port));
}

// A Redis of this role, which accepts every password.
ScriptedRedis::Answer redis(const std::string& role) {
  return [role](const Words& command) -> std::string {
    if (command[0] == "ROLE")
      return "*3\r\n$" + std::to_string(role.size()) + "\r\n" + role + "\r\n:0\r\n*0\r\n";
    return command[0] == "PING" ? "+PONG\r\n" : ok;
  };
}

// A publisher that finds its server through these Sentinels.
class Publishing {
 public:
  explicit Publishing(std::vector<RedisServer> sentinels, const std::string& password = "") {
    RedisAddress address;
    address.servers = std::move(sentinels);
    address.primary_name = "main";
    address.password = password;
    loop_.run([&] {
      publisher_.emplace(loop_.io, address, [this](bool connected, std::string_view detail) {
        states_.add((connected ? "up: " : "down: ") + std::string(detail));
      });
    });
  }
  ~Publishing() {
    loop_.run([&] { publisher_.reset(); });
  }
  bool comes_to(const ScriptedRedis& server) { return states_.wait_for("up: " + to_string(server.server())); }
  const Inbox& states() const { return states_; }

 private:
  Inbox states_;
  Loop loop_;
  std::optional<RedisPublisher> publisher_;
};

TEST(RedisSentinels, GetThePasswordOnlyIfTheyAskForIt) {
  ScriptedRedis primary(redis("master"));
  ScriptedRedis open([&](const Words&) { return named(primary.server()); });
  {
    Publishing publishing({open.server()}, "secret");
    EXPECT_TRUE(publishing.comes_to(primary));
  }
  EXPECT_EQ(open.commands()[0], question);
  for (const auto& command : open.commands()) EXPECT_EQ(command.find("secret"), command.npos) << command;

  std::atomic<bool> is_in = false;
  ScriptedRedis closed([&](const Words& command) -> std::string {
    if (command[0] == "AUTH") is_in = true;
    return !is_in ? no_password : command[0] == "AUTH" ? ok : named(primary.server());
  });
  Publishing publishing({closed.server()}, "secret");
  EXPECT_TRUE(publishing.comes_to(primary));
  EXPECT_EQ(std::ranges::count(closed.commands(), "AUTH secret"), 1);
}

TEST(RedisSentinels, AreReportedWhenTheyRefuseThePassword) {
  ScriptedRedis sentinel([&](const Words&) { return no_password; });
  Publishing publishing({sentinel.server()}, "secret");
  EXPECT_TRUE(
      publishing.states().wait_for("down: no answer from the Sentinels: " + to_string(sentinel.server()) +
                                   ": NOAUTH Authentication required."));
}

TEST(RedisSentinels, ThatNameAReplicaAreNotBelieved) {
  ScriptedRedis replica(redis("slave"));
  ScriptedRedis primary(redis("master"));
  ScriptedRedis late([&](const Words&) { return named(replica.server()); });
  ScriptedRedis right([&](const Words&) { return named(primary.server()); });
  Publishing publishing({late.server(), right.server()});
  EXPECT_TRUE(publishing.comes_to(primary));
  EXPECT_EQ(publishing.states().texts()[0],
            "down: " + to_string(replica.server()) + ": this is not the primary");
}

TEST(RedisSentinels, AreFollowedAwayFromAServerThatStillSaysItIsThePrimary) {
  ScriptedRedis before(redis("master"));
  ScriptedRedis after(redis("master"));
  std::atomic<bool> has_moved = false;
  ScriptedRedis sentinel([&](const Words&) { return named((has_moved ? after : before).server()); });
  Publishing publishing({sentinel.server()});
  ASSERT_TRUE(publishing.comes_to(before));
  has_moved = true;
  EXPECT_TRUE(publishing.comes_to(after));
  EXPECT_EQ(publishing.states().texts()[1],
            "down: " + to_string(before.server()) + ": the primary is now " + to_string(after.server()));
}

TEST(RedisSentinels, AreReportedWhenTheyDoNotKnowTheName) {
  ScriptedRedis sentinel([](const Words&) { return "*-1\r\n"; });
  Publishing publishing({sentinel.server()});
  EXPECT_TRUE(publishing.states().wait_for(
      "down: no answer from the Sentinels: " + to_string(sentinel.server()) + ": knows no primary main"));
}

TEST(RedisSentinels, MayGoAwayWhileThePrimaryStays) {
  std::optional<ScriptedRedis> primary;
  primary.emplace(redis("master"));
  const auto server = primary->server();
  std::optional<ScriptedRedis> first, second;
  first.emplace([&](const Words&) { return named(server); });
  second.emplace([&](const Words&) { return named(server); });
  Publishing publishing({first->server(), second->server()});
  ASSERT_TRUE(publishing.comes_to(*primary));
  first.reset();
  EXPECT_TRUE(eventually([&] { return std::ranges::count(second->commands(), question) > 0; }));
  second.reset();
  const auto asked = [&] { return std::ranges::count(primary->commands(), "ROLE"); };
  const auto before = asked();
  EXPECT_TRUE(eventually([&] { return asked() >= before + 2; }));
  EXPECT_EQ(publishing.states().size(), 1);
  primary.reset();
  EXPECT_TRUE(publishing.states().wait([&](const auto& texts) {
    return texts.back().starts_with("down: no answer from the Sentinels: 127.0.0.1:") &&
           texts.back().ends_with(": Connection refused");
  }));
}

TEST(RedisSentinels, AreAskedForAnotherPrimaryWhenItHasBecomeAReplica) {
  std::atomic<bool> is_replica = false;
  ScriptedRedis before([&](const Words& command) { return redis(is_replica ? "slave" : "master")(command); });
  ScriptedRedis after(redis("master"));
  ScriptedRedis sentinel([&](const Words&) { return named((is_replica ? after : before).server()); });
  Publishing publishing({sentinel.server()});
  ASSERT_TRUE(publishing.comes_to(before));
  is_replica = true;
  EXPECT_TRUE(publishing.comes_to(after));
}

TEST(RedisSentinels, MayForbidToSubscribe) {
  ScriptedRedis primary(redis("master"));
  ScriptedRedis sentinel([&](const Words& command) {
    return command[0] == "SENTINEL" ? named(primary.server()) : "-NOPERM no permissions\r\n";
  });
  Publishing publishing({sentinel.server()});
  EXPECT_TRUE(publishing.comes_to(primary));
  EXPECT_TRUE(eventually([&] { return std::ranges::count(sentinel.commands(), question) >= 3; }));
  EXPECT_EQ(publishing.states().size(), 1);
}

TEST(RedisSentinels, AreAskedWhenTheyAnnounceAnotherPrimary) {
  ScriptedRedis before(redis("master"));
  ScriptedRedis after(redis("master"));
  std::atomic<bool> has_moved = false;
  // It announces the move as soon as it is asked the third time, and only then answers with the new primary.
  std::atomic<int> questions = 0;
  ScriptedRedis sentinel([&](const Words& command) {
    if (command[0] == "SUBSCRIBE" && questions == 3 && !has_moved.exchange(true))
      return ok + "*3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$12\r\nmain a 1 b 2\r\n";
    if (command[0] != "SENTINEL") return ok;
    ++questions;
    return named((has_moved ? after : before).server());
  });
  Publishing publishing({sentinel.server()});
  EXPECT_TRUE(publishing.comes_to(after));
}

TEST(RedisSentinels, MayAnswerAnything) {
  ScriptedRedis primary(redis("master"));
  for (const std::string odd :
       {"*-1\r\n", "$-1\r\n", "*0\r\n", "*1\r\n$1\r\na\r\n", "*2\r\n$1\r\na\r\n$1\r\nb\r\n",
        "*2\r\n$3\r\na b\r\n$4\r\n6379\r\n", "*2\r\n:1\r\n:2\r\n", "*2\r\n*0\r\n*0\r\n", ":1\r\n", "+OK\r\n",
        "-ERR no\r\n", "nonsense\r\n", "\r\n", "*2000000000\r\n", "*2\r\n$1\r\na\r\n$5\r\n65536\r\n"}) {
    ScriptedRedis sentinel([&](const Words&) { return odd; });
    ScriptedRedis right([&](const Words&) { return named(primary.server()); });
    Publishing publishing({sentinel.server(), right.server()});
    EXPECT_TRUE(publishing.comes_to(primary)) << odd;
  }
}

}  // namespace revoked::cache::redis_sentinels_test
