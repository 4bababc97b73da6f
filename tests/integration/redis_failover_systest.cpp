// The primary of a Redis fails while keys are revoked: gateways deny through the engine's feed meanwhile, and
// follow the messages again on the new primary.

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "tests/support/redis_connection.hpp"
#include "tests/support/redis_sentinels.hpp"
#include "tests/support/revocation_load.hpp"
#include "tests/support/signed_bus.hpp"

namespace revoked::test::redis_failover_systest {

using Clock = std::chrono::steady_clock;

long ms_since(Clock::time_point from) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - from).count();
}

class P10RedisFailover : public testing::Test {
 protected:
  // Whether engine and gateway use this one: each has subscribed, and the engine's heartbeats arrive.
  static bool is_used(const RedisServer& server) {
    try {
      RedisConnection redis(server.url());
      for (const auto* channel : {"revoked:v1:invalidations", "revoked:v1:acks"}) {
        const auto reply = redis.command({"PUBSUB", "NUMSUB", channel});
        if (reply.items.size() != 2 || reply.items[1].text == "0") return false;
      }
      redis.command({"SUBSCRIBE", "revoked:v1:invalidations"});
      return redis.next_message(2s).has_value();
    } catch (const std::runtime_error&) {
      return false;
    }
  }
  bool follows_redis_only() {
    const auto health = gateway_client_.get("/healthz").json();
    return health["redis_connected"].is_true() && !health["feed_connected"].is_true();
  }

  SignedBus bus_;
  RedisSentinels sentinels_;
  EngineProcess engine_{{.redis_url = sentinels_.url(), .arguments = bus_.arguments()}};
  GatewayProcess gateway_{engine_, {.redis_url = sentinels_.url(), .arguments = bus_.arguments()}};
  HttpClient admin_ = engine_.client();
  HttpClient gateway_client_ = gateway_.client();
};

TEST_F(P10RedisFailover, CostsNoDenialAndTheMessagesFlowAgain) {
  const auto keys = create_keys(engine_, 1'000);
  const auto alive = create_key(admin_);
  ASSERT_EQ(count_allowed(gateway_, keys), keys.size());
  ASSERT_TRUE(eventually([&] { return is_used(sentinels_.first()) && follows_redis_only(); }));

  sentinels_.first().kill();
  const auto killed = Clock::now();
  long slowest = 0;
  std::size_t revoked = 0;
  std::optional<long> flows;
  while (revoked < keys.size() && !(flows && follows_redis_only()) && ms_since(killed) < 60'000) {
    const auto& key = keys[revoked++];
    const auto asked = Clock::now();
    ASSERT_EQ(revoke(admin_, key.key_id).status, 200);
    ASSERT_TRUE(eventually([&] { return check(gateway_client_, key.secret).status == 403; }))
        << gateway_.log_text();
    slowest = std::max(slowest, ms_since(asked));
    ASSERT_EQ(check(gateway_client_, alive.secret).status, 200) << gateway_.log_text();
    std::this_thread::sleep_for(20ms);
    if (!flows && sentinels_.primary_port() == sentinels_.second().port() && is_used(sentinels_.second()))
      flows = ms_since(killed);
  }
  ASSERT_TRUE(flows) << engine_.log_text() << gateway_.log_text();
  EXPECT_TRUE(follows_redis_only()) << gateway_.log_text();
  std::cout << revoked << " revocations during a failover: the slowest denial after " << slowest
            << " ms; engine and gateway use the new primary after " << *flows << " ms\n";
  EXPECT_NE(engine_.log_text().find("not subscribed to the gateways' reports"), std::string::npos);
}

}  // namespace revoked::test::redis_failover_systest
