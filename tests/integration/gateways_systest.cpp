// The engine knows its gateways, whichever way they follow it.

#include <gtest/gtest.h>

#include "tests/support/redis_connection.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revoked_programs.hpp"
#include "tests/support/signed_bus.hpp"

namespace revoked::test::gateways_systest {

class KnownGateways : public testing::Test {
 protected:
  GatewayProcess::Options options_of(const std::string& name, const std::string& redis_url) const {
    const std::vector<std::string> arguments{"--name", name, "--stale-after", "2s"};
    return {{}, redis_url, redis_url.empty() ? arguments : bus_.arguments(arguments)};
  }
  Json gateways() { return engine_.client().get("/v1/gateways").json()["gateways"]; }
  // "name state", in order.
  std::vector<std::string> states() {
    std::vector<std::string> states;
    const auto all = gateways();
    for (const auto& each : all.items()) states.push_back(each["name"].text() + " " + each["state"].text());
    return states;
  }
  using Texts = std::vector<std::string>;

  SignedBus bus_;
  RedisServer redis_;
  EngineProcess engine_{{.redis_url = redis_.url(), .arguments = bus_.arguments()}};
  HttpClient admin_ = engine_.client();
};

TEST_F(KnownGateways, AreCurrentThenForgottenWhenTheyStopAndGoneWhenTheyAreKilled) {
  GatewayProcess by_feed(engine_, options_of("by-feed", ""));
  GatewayProcess by_redis(engine_, options_of("by-redis", redis_.url()));
  EXPECT_TRUE(eventually([&] {
    return states() == Texts{"by-feed current", "by-redis current"};
  })) << engine_.client().get("/v1/gateways").body;
  const auto position = position_of(revoke(admin_, create_key(admin_).key_id));
  EXPECT_TRUE(eventually([&] {
    const auto all = gateways();
    return all[0]["position"].text() == to_string(position) && all[0]["lag"].number() == 0 &&
           all[1]["position"].text() == to_string(position) && all[1]["lag"].number() == 0;
  })) << engine_.client().get("/v1/gateways").body;
  EXPECT_EQ(gateways()[0]["lease_ms"].number(), 2000);
  EXPECT_NE(gateways()[0]["version"].text(), "");

  EXPECT_EQ(by_redis.stop(), 0);
  EXPECT_TRUE(eventually([&] { return states() == Texts{"by-feed current"}; })) << "forgotten, not gone";
  by_feed.kill();
  EXPECT_TRUE(eventually([&] { return states() == Texts{"by-feed gone"}; }));
  by_feed.start();
  EXPECT_TRUE(eventually([&] { return states() == Texts{"by-feed current"}; }));
  EXPECT_EQ(by_feed.stop(), 0);
  EXPECT_EQ(states(), Texts{});
}

TEST_F(KnownGateways, ReportToARestartedEngine) {
  GatewayProcess by_feed(engine_, options_of("by-feed", ""));
  GatewayProcess by_redis(engine_, options_of("by-redis", redis_.url()));
  ASSERT_TRUE(eventually([&] { return states().size() == 2; }));
  EXPECT_EQ(engine_.stop(), 0);
  engine_.start();
  EXPECT_TRUE(eventually([&] { return states() == Texts{"by-feed current", "by-redis current"}; }));
}

TEST_F(KnownGateways, P14GenuineAForgedReportChangesNothing) {
  GatewayProcess gateway(engine_, options_of("edge-1", redis_.url()));
  ASSERT_TRUE(eventually([&] { return states() == Texts{"edge-1 current"}; }));
  RedisConnection anyone(redis_.url());
  anyone.command(
      {"PUBLISH", "revoked:v1:acks", R"({"gateway":"edge-1","epoch":1,"sequence":1,"leaving":true})"});
  anyone.command({"PUBLISH", "revoked:v1:acks", R"({"gateway":"edge-2","epoch":1,"sequence":99})"});
  anyone.command({"PUBLISH", "revoked:v1:acks", "not a report"});
  const auto position = position_of(revoke(admin_, create_key(admin_).key_id));
  EXPECT_TRUE(eventually([&] { return gateways()[0]["position"].text() == to_string(position); }))
      << "later than the forged ones";
  EXPECT_EQ(states(), Texts{"edge-1 current"});
}

}  // namespace revoked::test::gateways_systest
