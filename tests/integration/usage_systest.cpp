// What the engine knows of the use of keys at its gateways.

#include <gtest/gtest.h>

#include "engine/model/usage.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revoked_programs.hpp"
#include "tests/support/signed_bus.hpp"

namespace revoked::test::usage_systest {

class UsageOfKeys : public testing::Test {
 protected:
  static constexpr const char* client = "203.0.113.77";

  static GatewayProcess::Options named(const std::string& name, std::string redis_url = {},
                                       std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.end(), {"--name", name});
    return {{}, std::move(redis_url), std::move(arguments)};
  }
  static int use(HttpClient& gateway, const std::string& secret) {
    return gateway
        .get("/check", {{"Authorization", "Bearer " + secret},
                        {"X-Forwarded-For", "198.51.100.1, " + std::string(client)}})
        .status;
  }
  // With a connection of its own: the engine may have restarted.
  Json record(const CreatedKey& key) { return engine_.client().get("/v1/keys/" + key.key_id).json(); }
  Json used_after(const CreatedKey& key) { return record(key)["used_after_revocation"]; }
  std::vector<Json> entries(const CreatedKey& key) {
    const auto trail = engine_.client().get("/v1/audit?limit=1000&key_id=" + key.key_id).json();
    std::vector<Json> found;
    for (const auto& entry : trail["entries"].items()) {
      if (entry["verb"].text() == "key.used_after_revocation") found.push_back(entry);
    }
    return found;
  }
  std::vector<std::string> listed(const std::string& query) {
    std::vector<std::string> ids;
    std::string cursor;
    do {
      const auto page = admin_.get("/v1/keys?" + query + (cursor.empty() ? "" : "&cursor=" + cursor)).json();
      for (const auto& key : page["keys"].items()) ids.push_back(key["key_id"].text());
      cursor = page["cursor"].text();
    } while (!cursor.empty());
    return ids;
  }
  static std::string time_text(engine::UnixMs at) {
    std::string text;
    engine::append_rfc3339(text, at);
    return text;
  }

  EngineProcess engine_;
  HttpClient admin_ = engine_.client();
};

TEST_F(UsageOfKeys, TheLastUseAndUseAfterRevocationAreInTheRecordAndTheTrail) {
  GatewayProcess gateway(engine_, named("edge-1"));
  auto edge = gateway.client();
  const auto key = create_key(admin_, {{"user", "u1"}});
  const auto before = engine::start_of(engine::minute_of(engine::now_unix_ms()));
  ASSERT_EQ(use(edge, key.secret), 200);
  ASSERT_EQ(use(edge, key.secret), 200) << "from memory";
  EXPECT_TRUE(eventually([&] { return record(key)["last_used_at"].text() >= time_text(before); }));
  EXPECT_LE(record(key)["last_used_at"].text(), time_text(engine::now_unix_ms()));
  EXPECT_FALSE(used_after(key).exists());

  ASSERT_EQ(revoke(admin_, key.key_id).status, 200);
  EXPECT_TRUE(eventually([&] { return use(edge, key.secret) == 403; }));
  EXPECT_TRUE(eventually([&] { return used_after(key)["count"].number() >= 1; }));
  const auto count = used_after(key)["count"].number();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(use(edge, key.secret), 403);
  EXPECT_TRUE(eventually([&] { return used_after(key)["count"].number() == count + 3; }));
  EXPECT_EQ(used_after(key)["gateways"][0].text(), "edge-1");
  EXPECT_LE(used_after(key)["first_at"].text(), used_after(key)["last_at"].text());
  const auto trail = entries(key);
  ASSERT_EQ(trail.size(), 1u) << "once an hour";
  EXPECT_EQ(trail[0]["gateway"].text(), "edge-1");
  EXPECT_EQ(trail[0]["address"].text(), "203.0.113.0/24");
  EXPECT_EQ(trail[0]["user"].text(), "u1");
  EXPECT_EQ(trail[0]["used"]["count"].number(), count);
  EXPECT_EQ(admin_.get("/v1/audit?limit=1000").body.find(client), std::string::npos) << "the network only";
}

TEST_F(UsageOfKeys, SurvivesAStopAndTheTrailSurvivesAKill) {
  GatewayProcess gateway(engine_, named("edge-1"));
  auto edge = gateway.client();
  const auto key = create_key(admin_);
  const auto living = create_key(admin_);
  ASSERT_EQ(use(edge, living.secret), 200);
  ASSERT_EQ(revoke(admin_, key.key_id).status, 200);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(use(edge, key.secret), 403);
    EXPECT_TRUE(eventually([&] { return used_after(key)["count"].number() == i + 1; }));
  }
  const auto last_used_at = record(living)["last_used_at"].text();
  EXPECT_NE(last_used_at, "");
  EXPECT_EQ(engine_.stop(), 0);
  engine_.start();
  admin_.close();
  EXPECT_EQ(used_after(key)["count"].number(), 2);
  EXPECT_EQ(record(living)["last_used_at"].text(), last_used_at);
  EXPECT_TRUE(eventually([&] { return use(edge, key.secret) == 403; }));
  EXPECT_TRUE(eventually([&] { return used_after(key)["count"].number() >= 3; }));
  EXPECT_EQ(entries(key).size(), 1u) << "the hour goes on";

  engine_.kill();
  std::filesystem::remove(engine_.data_directory() / "usage");
  engine_.start();
  admin_.close();
  EXPECT_EQ(used_after(key)["count"].number(), 1) << "as in the trail";
  EXPECT_TRUE(eventually([&] { return use(edge, key.secret) == 403; }));
  EXPECT_TRUE(eventually([&] { return used_after(key)["count"].number() >= 2; })) << "goes on from there";
  EXPECT_EQ(entries(key).size(), 1u);
}

TEST_F(UsageOfKeys, IsCountedWithRedisToo) {
  const SignedBus bus;
  RedisServer redis;
  EngineProcess engine({.redis_url = redis.url(), .arguments = bus.arguments()});
  auto admin = engine.client();
  const auto key = create_key(admin);
  ASSERT_EQ(revoke(admin, key.key_id).status, 200);
  for (const auto* const name : {"edge-1", "edge-2"}) {
    GatewayProcess gateway(engine, named(name, redis.url(), bus.arguments()));
    auto edge = gateway.client();
    EXPECT_EQ(check(edge, key.secret).status, 403);
    EXPECT_EQ(gateway.stop(), 0);  // which sends what there is
  }
  const auto used = admin.get("/v1/keys/" + key.key_id).json()["used_after_revocation"];
  EXPECT_EQ(used["count"].number(), 2);
  EXPECT_EQ(used["gateways"].size(), 2u);
}

TEST_F(UsageOfKeys, WhatCouldNotBeSentIsSentWhenTheEngineIsBack) {
  GatewayProcess gateway(engine_, named("edge-1", {}, {"--stale-after", "60s"}));
  auto edge = gateway.client();
  const auto key = create_key(admin_);
  ASSERT_EQ(revoke(admin_, key.key_id).status, 200);
  EXPECT_EQ(use(edge, key.secret), 403);
  EXPECT_TRUE(eventually([&] { return used_after(key)["count"].number() == 1; }));
  // A count is shown before its event is on the disk.
  EXPECT_TRUE(eventually([&] {
    const auto health = admin_.get("/healthz").json();
    return health["durable"].number() == health["applied"].number();
  }));
  engine_.kill();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(use(edge, key.secret), 403) << "revoked keys stay in memory";
  engine_.start();
  admin_.close();
  EXPECT_TRUE(eventually([&] { return used_after(key)["count"].number() >= 6; }, 20s));
  // The engine may have been killed before it answered the first report, which then counts again.
  EXPECT_LE(used_after(key)["count"].number(), 7);
}

TEST_F(UsageOfKeys, DormantKeysAreFoundAndEndedInBulk) {
  GatewayProcess gateway(engine_, named("edge-1"));
  auto edge = gateway.client();
  std::vector<std::string> all;
  for (const auto& key : create_keys(engine_, 5)) all.push_back(key.key_id);
  const auto used = create_key(admin_);
  ASSERT_EQ(use(edge, used.secret), 200);
  EXPECT_TRUE(eventually([&] { return record(used)["last_used_at"].exists(); }));
  all.push_back(used.key_id);
  const auto later = time_text(engine::now_unix_ms() + 1);
  EXPECT_EQ(listed("limit=2&used_before=" + later), all) << "created and used before";
  EXPECT_EQ(listed("used_before=2020-01-01T00:00:00Z"), std::vector<std::string>{});
  const auto page = admin_.get("/v1/keys?limit=1&used_before=" + later).json();
  EXPECT_NE(page["uses_since"].text(), "");

  std::string lines;
  for (const auto& id : listed("state=active&used_before=" + later)) lines += R"({"key_id":")" + id + "\"}\n";
  const auto ended = admin_.request("POST", "/v1/revocations", {}, lines).json();
  EXPECT_EQ(ended["revoked"].number(), 6);
  EXPECT_EQ(listed("state=active&used_before=" + later), std::vector<std::string>{});
}

}  // namespace revoked::test::usage_systest
