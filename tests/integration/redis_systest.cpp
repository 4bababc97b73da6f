// Redis is a hint: losing it, or false messages on it, cost time and never correctness.

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/redis_connection.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revocation_load.hpp"

namespace revoked::test::redis_systest {

class P10RedisIsAHint : public testing::Test {
 protected:
  bool denies_soon(const CreatedKey& key, std::chrono::milliseconds limit = 10s) {
    return eventually([&] { return check(gateway_client_, key.secret).status == 403; }, limit);
  }
  std::size_t subscribers() {
    RedisConnection redis(redis_.url());
    const auto reply = redis.command({"PUBSUB", "NUMSUB", "revoked:v1:invalidations"});
    return reply.items.size() == 2 ? std::stoul(reply.items[1].text) : 0;
  }

  RedisServer redis_;
  EngineProcess engine_{{.redis_url = redis_.url()}};
  GatewayProcess gateway_{engine_, {.redis_url = redis_.url()}};
  HttpClient admin_ = engine_.client();
  HttpClient gateway_client_ = gateway_.client();
};

TEST_F(P10RedisIsAHint, ARevocationReachesTheGatewayByTheFeedWhileRedisIsAway) {
  const auto keys = create_keys(engine_, 3);
  ASSERT_EQ(count_allowed(gateway_, keys), 3u);
  ASSERT_TRUE(eventually([&] { return subscribers() == 1; }));

  redis_.kill();
  ASSERT_EQ(revoke(admin_, keys[0].key_id).status, 200);
  EXPECT_TRUE(denies_soon(keys[0])) << gateway_.log_text();
  // Long after the lease: it follows the feed, so it is not stale and still allows active keys.
  std::this_thread::sleep_for(4s);
  EXPECT_EQ(check(gateway_client_, keys[1].secret).status, 200) << gateway_.log_text();
  EXPECT_EQ(gateway_client_.get("/readyz").status, 200);

  redis_.restart();
  EXPECT_TRUE(eventually([&] { return subscribers() == 1; }, 30s)) << gateway_.log_text();
  ASSERT_EQ(revoke(admin_, keys[1].key_id).status, 200);
  EXPECT_TRUE(denies_soon(keys[1]));
  EXPECT_EQ(check(gateway_client_, keys[2].secret).status, 200);
}

TEST_F(P10RedisIsAHint, RedisGoneBeforeTheEngineStartsIsNoHindrance) {
  redis_.kill();
  engine_.kill();
  engine_.start();
  HttpClient client = engine_.client();
  EXPECT_EQ(client.get("/readyz").status, 200);
  const CreatedKey key = create_key(client);
  EXPECT_TRUE(eventually([&] { return check(gateway_client_, key.secret).status == 200; }));
  ASSERT_EQ(revoke(client, key.key_id).status, 200);
  EXPECT_TRUE(denies_soon(key));
}

TEST_F(P10RedisIsAHint, CuttingTheSubscriberInAStreamOfRevocationsLosesNone) {
  const auto keys = create_keys(engine_, programs_are_sanitized() ? 1'000 : 4'000);
  ASSERT_EQ(count_allowed(gateway_, keys), keys.size());
  ASSERT_TRUE(eventually([&] { return subscribers() == 1; }));

  RevocationLoad load(engine_, keys, 2);
  RedisConnection redis(redis_.url());
  int cut = 0;
  while (load.count() + load.surprises().size() < keys.size()) {
    cut += redis.command({"CLIENT", "KILL", "TYPE", "pubsub"}).text != "0" ? 1 : 0;
    std::this_thread::sleep_for(50ms);
  }
  load.stop();
  EXPECT_EQ(load.count(), keys.size());
  EXPECT_GT(cut, 0);
  EXPECT_TRUE(eventually([&] { return count_allowed(gateway_, keys) == 0; }, 10s)) << gateway_.log_text();
}

TEST_F(P10RedisIsAHint, OddMessagesOnTheChannelNeitherReviveNorStopAnything) {
  const auto keys = create_keys(engine_, 20);
  ASSERT_EQ(count_allowed(gateway_, keys), keys.size());
  ASSERT_TRUE(eventually([&] { return subscribers() == 1; }));
  RedisConnection listener(redis_.url());
  listener.command({"SUBSCRIBE", "revoked:v1:invalidations"});
  ASSERT_EQ(revoke(admin_, keys[0].key_id).status, 200);
  std::string message;
  while (message.find("key.revoked") == std::string::npos) {
    const auto next = listener.next_message(10s);
    ASSERT_TRUE(next.has_value());
    message = *next;
  }
  RedisConnection liar(redis_.url());
  for (const std::string& odd :
       {message, message, std::string("not JSON"), std::string("{}"), std::string(1 << 20, '['),
        std::string(R"({"epoch":0,"first":1,"last":9,"at":"2026-01-02T03:04:05.678Z","events":[]})"),
        std::string(R"({"epoch":1,"first":900,"last":950,"at":"2026-01-02T03:04:05.678Z","events":[]})"),
        std::string(R"({"epoch":77,"first":5,"last":4,"at":"2026-01-02T03:04:05.678Z","events":[]})"),
        std::string(R"({"epoch":1,"first":951,"last":951,"at":"2026-01-02T03:04:05.678Z",)"
                    R"("events":[{"sequence":951,"type":"something.new"}]})")}) {
    liar.command({"PUBLISH", "revoked:v1:invalidations", odd});
  }
  EXPECT_TRUE(denies_soon(keys[0]));
  for (std::size_t i = 1; i < keys.size(); ++i) {
    ASSERT_EQ(revoke(admin_, keys[i].key_id).status, 200);
    ASSERT_TRUE(denies_soon(keys[i])) << i << gateway_.log_text();
  }
  const CreatedKey alive = create_key(admin_);
  EXPECT_TRUE(eventually([&] { return check(gateway_client_, alive.secret).status == 200; }))
      << gateway_.log_text();
}

TEST_F(P10RedisIsAHint, TheGatewayReportsWhatItHasApplied) {
  RedisConnection listener(redis_.url());
  listener.command({"SUBSCRIBE", "revoked:v1:acks"});
  const CreatedKey key = create_key(admin_);
  const auto position = position_of(revoke(admin_, key.key_id));
  EXPECT_TRUE(eventually([&] {
    const auto message = listener.next_message(1s);
    if (!message) return false;
    const Json ack = Json::parse(*message);
    return !ack["gateway"].text().empty() &&
           ack["epoch"].number() == static_cast<std::int64_t>(position.epoch) &&
           ack["sequence"].number() >= static_cast<std::int64_t>(position.sequence);
  }));
}

}  // namespace revoked::test::redis_systest
