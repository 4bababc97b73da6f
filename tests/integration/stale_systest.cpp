// A gateway that no longer receives from the engine is stale, reports it, and applies its policy.

#include <gtest/gtest.h>
#include <signal.h>

#include "tests/support/nginx_server.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revocation_load.hpp"

namespace revoked::test::stale_systest {

using Clock = std::chrono::steady_clock;

constexpr auto lease = 1000ms;

GatewayProcess::Options with_policy(const std::string& policy, const std::string& redis_url = {}) {
  return {.redis_url = redis_url, .arguments = {"--stale-after", "1s", "--when-stale", policy}};
}

// A gateway with one active and one revoked key cached, whose engine is then stopped.
struct StoppedEngine {
  explicit StoppedEngine(const std::string& policy)
      : engine({.redis_url = redis.url()}),
        gateway(engine, with_policy(policy, redis.url())),
        client(gateway.client()) {
    HttpClient admin = engine.client();
    live = create_key(admin, {{"user", "u1"}});
    dead = create_key(admin, {{"user", "u1"}});
    EXPECT_EQ(count_allowed(gateway, {live, dead}), 2u);
    EXPECT_EQ(revoke(admin, dead.key_id).status, 200);
    EXPECT_TRUE(eventually([&] { return check(client, dead.secret).status == 403; }));
    EXPECT_EQ(client.get("/readyz").status, 200);
    engine.process().signal(SIGSTOP);
    stopped_at = Clock::now();
  }

  // It reports that it is stale: at the latest one lease after the engine's last message.
  void wait_until_stale() {
    expect_in_time([&] { return client.get("/readyz").json()["stale"].is_true(); });
  }
  // A request after that time shows it; on a busy machine the answer may arrive at any time.
  template <class Condition>
  void expect_in_time(Condition condition) {
    auto last = stopped_at;  // the last request for which the condition was false
    EXPECT_TRUE(eventually([&] {
      const auto asked = Clock::now();
      if (condition()) return true;
      last = asked;
      return false;
    }));
    EXPECT_LT(last - stopped_at, lease + 2s);
  }

  void resume_and_expect_recovery() {
    engine.process().signal(SIGCONT);
    EXPECT_TRUE(eventually([&] { return client.get("/readyz").status == 200; })) << gateway.log_text();
    EXPECT_TRUE(eventually([&] { return check(client, live.secret).status == 200; }));
    EXPECT_EQ(check(client, dead.secret).status, 403);
    HttpClient admin = engine.client();
    ASSERT_EQ(revoke(admin, live.key_id).status, 200);
    EXPECT_TRUE(eventually([&] { return check(client, live.secret).status == 403; }));
  }

  RedisServer redis;
  EngineProcess engine;
  GatewayProcess gateway;
  HttpClient client;
  CreatedKey live;
  CreatedKey dead;
  Clock::time_point stopped_at;
};

TEST(P5Bounded, AStaleGatewayDeniesByDefaultAndRecovers) {
  StoppedEngine test("deny");
  test.expect_in_time([&] { return check(test.client, test.live.secret).status == 503; });
  test.wait_until_stale();
  EXPECT_EQ(test.client.get("/readyz").status, 503);
  EXPECT_EQ(test.client.get("/livez").status, 200);
  const HttpResponse denied = check(test.client, test.live.secret);
  EXPECT_EQ(denied.status, 503);
  EXPECT_NE(denied.header("X-Revoked-Reason").find("stale"), std::string::npos);
  EXPECT_NE(check(test.client, test.dead.secret).status, 200);
  test.resume_and_expect_recovery();
}

TEST(P5Bounded, AStaleGatewayThatServesGoesOnWithWhatItKnowsAndRecovers) {
  StoppedEngine test("serve");
  test.wait_until_stale();
  const HttpResponse served = check(test.client, test.live.secret);
  EXPECT_EQ(served.status, 200);
  EXPECT_EQ(served.header("X-Revoked-Stale"), "true");
  EXPECT_EQ(check(test.client, test.dead.secret).status, 403);
  EXPECT_NE(check(test.client, "rvk_never_seen_before").status, 200);
  test.resume_and_expect_recovery();
}

TEST(P5Bounded, AStaleGatewayThatAsksAllowsNothingWithoutAnAnswerAndRecovers) {
  StoppedEngine test("ask");
  test.wait_until_stale();
  EXPECT_EQ(check(test.client, test.live.secret).status, 503);
  EXPECT_NE(check(test.client, test.dead.secret).status, 200);
  test.resume_and_expect_recovery();
}

// The engine answers requests but its feed is unavailable: stale from the start.
struct WithoutEngine {
  explicit WithoutEngine(const std::string& policy)
      : gateway(engine, {.engine_url = "http://127.0.0.1:" + std::to_string(proxy.port()),
                         .arguments = {"--stale-after", "1s", "--when-stale", policy}}),
        admin(engine.client()),
        client(gateway.client()),
        key(create_key(admin)) {}

  EngineProcess engine;
  NginxServer proxy{no_feed_config(engine.port())};
  GatewayProcess gateway;
  HttpClient admin;
  HttpClient client;
  CreatedKey key;
};

TEST(P5Bounded, AStaleGatewayThatAsksFollowsTheEngineOnEveryRequest) {
  WithoutEngine test("ask");
  EXPECT_EQ(check(test.client, test.key.secret).status, 200);
  ASSERT_EQ(revoke(test.admin, test.key.key_id).status, 200);
  EXPECT_EQ(check(test.client, test.key.secret).status, 403);  // at once: nothing is cached while stale
}

TEST(P5Bounded, AGatewayThatNeverReachedTheEngineDenies) {
  WithoutEngine test("deny");
  EXPECT_EQ(check(test.client, test.key.secret).status, 503);
  EXPECT_EQ(test.client.get("/readyz").status, 503);
}

TEST(P5Bounded, TheGatewayDeniesWithinMillisecondsOfTheAnswer) {
  RedisServer redis;
  EngineProcess engine({.redis_url = redis.url()});
  GatewayProcess with_redis(engine, {.redis_url = redis.url()});
  GatewayProcess with_feed(engine);
  const auto keys = create_keys(engine, 100);
  ASSERT_EQ(count_allowed(with_redis, keys), keys.size());
  ASSERT_EQ(count_allowed(with_feed, keys), keys.size());
  HttpClient admin = engine.client();
  HttpClient redis_client = with_redis.client();
  HttpClient feed_client = with_feed.client();
  // The machine is shared, so this bound only detects defects; tools/run measures the time.
  const auto bound = programs_are_sanitized() ? 5s : 1s;
  for (const auto& key : keys) {
    ASSERT_EQ(revoke(admin, key.key_id).status, 200);
    ASSERT_TRUE(eventually([&] { return check(redis_client, key.secret).status == 403; }, bound));
    ASSERT_TRUE(eventually([&] { return check(feed_client, key.secret).status == 403; }, bound));
  }
}

}  // namespace revoked::test::stale_systest
