#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>

#include "cache/bus/message_encoder.hpp"
#include "cache/edge/gateway.hpp"
#include "tests/cache/edge/gateway_harness.hpp"
#include "tests/cache/edge/scripted_engine.hpp"
#include "tests/support/redis_server.hpp"

namespace revoked::cache::gateway_redistest {

using test::eventually;
using test::RedisServer;
using test::ScriptedEngine;
using test::TestGateway;
using Coverage = Gateway::Coverage;
using namespace std::chrono_literals;

// The engine's side of Redis: publishes messages and periodic heartbeats; collects the acks.
class Bus {
 public:
  Bus(const RedisServer& redis, ScriptedEngine& engine, BusKeys keys = BusKeys())
      : engine_(engine),
        keys_(std::move(keys)),
        publisher_(io_, parse_redis_url(redis.url()).value(), [](bool, std::string_view) {}),
        acks_(
            io_, parse_redis_url(redis.url()).value(), std::string(acks_channel),
            [this](std::string_view ack) {
              std::lock_guard lock(mutex_);
              last_ack_ = ack;
            },
            [](bool, std::string_view) {}),
        ticker_(io_) {
    tick();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Bus() {
    io_.stop();
    thread_.join();
  }
  void publish(const std::string& message) { publish_raw(keys_.empty() ? message : keys_.sign(message)); }
  void publish_raw(std::string message) {
    publisher_.publish(invalidations_channel, std::make_shared<const std::string>(std::move(message)));
  }
  // Waits for so many more heartbeats.
  bool delivers_longer_than(std::chrono::milliseconds time) {
    const auto enough = heartbeats_ + time / heartbeat_period + 1;
    return eventually([&] { return heartbeats_ > enough; });
  }
  std::string last_ack() const {
    std::lock_guard lock(mutex_);
    return last_ack_;
  }
  std::atomic<bool> is_silent{false};

 private:
  static constexpr auto heartbeat_period = 100ms;

  void tick() {
    if (!is_silent) {
      publish(engine_.heartbeat());
      ++heartbeats_;
    }
    ticker_.expires_after(heartbeat_period);
    ticker_.async_wait([this](error_code error) {
      if (!error) tick();
    });
  }

  ScriptedEngine& engine_;
  const BusKeys keys_;
  asio::io_context io_{1};
  std::atomic<std::int64_t> heartbeats_{0};
  mutable std::mutex mutex_;
  std::string last_ack_;
  RedisPublisher publisher_;
  RedisSubscriber acks_;
  Timer ticker_;
  std::thread thread_;
};

class GatewayBesideRedis : public testing::Test {
 protected:
  explicit GatewayBesideRedis(const BusKeys& keys)
      : keys_(keys), bus_(redis_, engine_, keys), gateway_(options(keys)) {}
  Gateway::Options options(const BusKeys& keys) const {
    auto options = TestGateway::options(engine_.port(), TestGateway::short_lease);
    options.redis = parse_redis_url(redis_.url()).value();
    options.bus_keys = keys;
    return options;
  }
  bool follows_redis_only() {
    return eventually([&] {
      const auto status = gateway_->status();
      return status.coverage == Coverage::fresh && status.redis_connected && !status.feed_connected;
    });
  }

  const BusKeys keys_;
  RedisServer redis_;
  ScriptedEngine engine_;
  Bus bus_;
  TestGateway gateway_;
};

class GatewayWithRedis : public GatewayBesideRedis {
 protected:
  GatewayWithRedis() : GatewayBesideRedis(BusKeys({"the-key-of-the-bus-0123456789"})) {}
};

TEST_F(GatewayWithRedis, LeavesTheFeedOnceRedisDelivers) {
  ASSERT_TRUE(follows_redis_only());
  EXPECT_TRUE(gateway_.allows("k1"));
  bus_.publish(engine_.revoke("k1"));
  EXPECT_TRUE(eventually([&] { return !gateway_.allows("k1"); }));
  const int streams = engine_.streams;
  ASSERT_TRUE(bus_.delivers_longer_than(TestGateway::options(0).redis_silence));
  EXPECT_EQ(engine_.streams, streams);
  EXPECT_TRUE(follows_redis_only());
}

TEST_F(GatewayWithRedis, FollowsTheFeedWhileRedisIsAway) {
  ASSERT_TRUE(follows_redis_only());
  EXPECT_TRUE(gateway_.allows("k1"));
  redis_.kill();
  ASSERT_TRUE(eventually([&] { return gateway_->status().feed_connected; }));
  engine_.revoke("k1");
  EXPECT_TRUE(eventually([&] { return !gateway_.allows("k1"); }));
  EXPECT_NE(gateway_->status().coverage, Coverage::stale);
  redis_.restart();
  EXPECT_TRUE(follows_redis_only());
}

TEST_F(GatewayWithRedis, FollowsTheFeedWhileRedisIsSilent) {
  ASSERT_TRUE(follows_redis_only());
  bus_.is_silent = true;
  EXPECT_TRUE(eventually([&] { return gateway_->status().feed_connected; }));
  EXPECT_TRUE(gateway_->status().redis_connected);
  bus_.is_silent = false;
  EXPECT_TRUE(follows_redis_only());
}

TEST_F(GatewayWithRedis, RepairsWhatRedisLost) {
  ASSERT_TRUE(follows_redis_only());
  EXPECT_TRUE(gateway_.allows("k1"));
  const auto message = engine_.revoke("k1");  // not published: the next heartbeat reveals it
  EXPECT_TRUE(eventually([&] { return !gateway_.allows("k1"); }));
  bus_.publish(message);
  EXPECT_TRUE(gateway_.reaches(engine_.position()));
}

TEST_F(GatewayWithRedis, ReportsWhatItHasApplied) {
  ASSERT_TRUE(follows_redis_only());
  bus_.publish(engine_.revoke("k1"));
  EXPECT_TRUE(eventually([&] {
    const auto report = decode_report(bus_.last_ack());
    return report && report->gateway == "edge-1" && report->applied == engine_.position() &&
           report->coverage == Coverage::fresh && keys_.is_signed(bus_.last_ack());
  })) << bus_.last_ack();
}

TEST_F(GatewayWithRedis, P14GenuineAnotherEngineOnTheChannelHidesNoRevocation) {
  ASSERT_TRUE(follows_redis_only());
  EXPECT_TRUE(gateway_.allows("k1"));
  // In the same epoch, with the same sequences.
  Stamp other{"another", engine::now_unix_ms(), engine::running_ms(), {}};
  for (Sequence last = 1; last <= 20; ++last) bus_.publish(encode_heartbeat(1, last, other));
  ASSERT_TRUE(eventually([&] { return gateway_->status().foreign_messages >= 20; }));
  EXPECT_EQ(gateway_->status().position, engine_.position());
  EXPECT_TRUE(gateway_.is_cached("k1"));
  bus_.publish(engine_.revoke("k1"));
  EXPECT_TRUE(eventually([&] { return !gateway_.allows("k1"); }));
  EXPECT_TRUE(gateway_.becomes(Coverage::fresh));
}

TEST_F(GatewayWithRedis, P14GenuineAppliesOnlyWhatIsSigned) {
  ASSERT_TRUE(follows_redis_only());
  EXPECT_TRUE(gateway_.allows("k1"));
  const int pages = engine_.pages;
  const std::string journal = ScriptedEngine::journal_of(1);
  const Stamp stamp{journal, engine::now_unix_ms(), engine::running_ms()};
  const auto forged = encode_heartbeat(1, 1000, stamp);
  for (int i = 0; i < 50; ++i) bus_.publish_raw(forged);
  bus_.publish_raw(BusKeys({"somebody-elses-key-0123456789"}).sign(forged));
  ASSERT_TRUE(eventually([&] { return gateway_->status().unsigned_messages == 51; }));
  EXPECT_EQ(gateway_->status().coverage, Coverage::fresh);
  EXPECT_LE(engine_.pages - pages, 10);
  bus_.publish(engine_.revoke("k1"));
  EXPECT_TRUE(eventually([&] { return !gateway_.allows("k1"); }));
  EXPECT_TRUE(gateway_.reaches(engine_.position()));
}

TEST_F(GatewayWithRedis, IsNotMisledByAnEngineOfThePast) {
  ASSERT_TRUE(follows_redis_only());
  engine_.restart();
  ASSERT_TRUE(gateway_.reaches({2, 1}));
  bus_.is_silent = true;
  std::atomic<bool> stop{false};
  std::thread ghost([&] {
    while (!stop) {
      bus_.publish(encode_heartbeat(1, 1000, stamp_at("j1", engine::BootClock::now())));
      std::this_thread::sleep_for(20ms);  // 50 a second
    }
  });
  EXPECT_TRUE(eventually([&] { return gateway_->status().feed_connected; }));
  EXPECT_TRUE(gateway_.becomes(Coverage::fresh));
  stop = true;
  ghost.join();
}

// Without a bus key messages are hints: the gateway follows the engine's feed as well.
class GatewayOnUnsignedRedis : public GatewayBesideRedis {
 protected:
  GatewayOnUnsignedRedis() : GatewayBesideRedis(BusKeys()) {}
  void SetUp() override {
    ASSERT_TRUE(eventually([&] {
      const auto status = gateway_->status();
      return status.coverage == Coverage::fresh && status.redis_connected && status.feed_connected;
    }));
  }
};

TEST_F(GatewayOnUnsignedRedis, AppliesARevocationThatTheFeedDoesNotSend) {
  EXPECT_TRUE(gateway_.allows("k1"));
  const auto lease_end = std::chrono::steady_clock::now() + TestGateway::short_lease;
  engine_.hides_messages = engine_.hides_heartbeats = engine_.refuses_pages = true;
  bus_.publish(engine_.revoke("k1"));
  EXPECT_TRUE(eventually([&] { return !gateway_.is_cached("k1"); }));
  EXPECT_FALSE(gateway_.allows("k1"));
  EXPECT_LT(std::chrono::steady_clock::now(), lease_end) << "denied only because the lease has ended";
}

TEST_F(GatewayOnUnsignedRedis, P13FairManyRevocationsMakeItReadNoPagesAndDenyNobody) {
  EXPECT_TRUE(gateway_.allows("k1"));
  const int pages = engine_.pages;
  const auto until = std::chrono::steady_clock::now() + 1s;
  for (int i = 0; std::chrono::steady_clock::now() < until; ++i) {
    bus_.publish(engine_.revoke("other" + std::to_string(i)));
    ASSERT_NE(gateway_->status().coverage, Coverage::stale);
    ASSERT_TRUE(gateway_.allows("k1"));
    std::this_thread::sleep_for(1ms);  // at most 1000 a second
  }
  EXPECT_TRUE(gateway_.reaches(engine_.position()));
  EXPECT_LE(engine_.pages - pages, 10);
}

TEST_F(GatewayOnUnsignedRedis, P14GenuineForgedMessagesCostQuestionsAndNothingElse) {
  EXPECT_TRUE(gateway_.allows("k1"));
  EXPECT_TRUE(gateway_.allows("k2"));
  const auto pages = engine_.pages.load();
  const auto flushes = gateway_->status().flushes;
  const std::string journal = ScriptedEngine::journal_of(1);
  const auto until = std::chrono::steady_clock::now() + 2s;
  while (std::chrono::steady_clock::now() < until) {
    constexpr Sequence far = Sequence{1} << 62;
    constexpr UnixMs year_9999 = 253'402'300'799'000;
    bus_.publish(encode_heartbeat(1, far, {journal, year_9999, far}));
    bus_.publish(encode_heartbeat(far, 1, {journal, year_9999, far}));
    bus_.publish(
        R"({"journal":")" + journal +
        R"(","epoch":1,"first":1,"last":900,"events":[{"sequence":900,"type":"key.revoked","key_id":"k2"}]})");
    bus_.publish("not a message");
    std::this_thread::sleep_for(10ms);  // 400 messages a second
    ASSERT_NE(gateway_->status().coverage, Coverage::stale);
    ASSERT_TRUE(gateway_.is_cached("k1"));
    ASSERT_TRUE(gateway_.allows("k2")) << "the engine is asked";
  }
  EXPECT_EQ(gateway_->status().flushes, flushes);
  EXPECT_EQ(gateway_->status().position, engine_.position());
  EXPECT_LT(engine_.pages - pages, 60);
  bus_.publish(engine_.revoke("k1"));
  EXPECT_TRUE(eventually([&] { return !gateway_.allows("k1"); }));
}

// The leader alone publishes on Redis, by its own clock.
TEST(GatewayOfSeveralWithRedis, FollowsTheFeedOfAnEngineThatIsNotTheLeader) {
  const BusKeys keys({"the-key-of-the-bus-0123456789"});
  RedisServer redis;
  ScriptedEngine leader;
  auto follower = std::make_unique<ScriptedEngine>();
  leader.set_clock("leader", 0);
  follower->set_clock("follower", 500);
  Bus bus(redis, leader, keys);
  auto options = TestGateway::options(follower->port(), TestGateway::short_lease);
  options.engine.addresses.push_back({"127.0.0.1", leader.port()});
  options.redis = parse_redis_url(redis.url()).value();
  options.bus_keys = keys;
  TestGateway gateway(options);
  const auto follows = [&](bool feed) {
    const auto status = gateway->status();
    return status.coverage == Coverage::fresh && status.redis_connected && status.feed_connected == feed;
  };
  ASSERT_TRUE(eventually([&] { return follows(true); }));
  EXPECT_TRUE(gateway.allows("k1"));
  ASSERT_TRUE(bus.delivers_longer_than(TestGateway::options(0).redis_silence));
  EXPECT_TRUE(follows(true)) << "the bus extends no lease";
  bus.publish(leader.revoke("k1"));
  EXPECT_TRUE(eventually([&] { return !gateway.allows("k1"); })) << "before the follower has it";
  follower->catch_up_with(leader);
  follower.reset();
  EXPECT_TRUE(eventually([&] { return follows(false); })) << "the leader is in use";
  EXPECT_FALSE(gateway.allows("k1"));
  EXPECT_EQ(gateway->status().flushes, 1u);
}

}  // namespace revoked::cache::gateway_redistest
