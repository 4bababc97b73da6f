// Five hundred gateways that lose engine and Redis, and reconnect, at the same time.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "tests/cache/edge/gateway_harness.hpp"
#include "tests/support/acknowledged.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/signed_bus.hpp"

namespace revoked::test::many_gateways_systest {

using Clock = std::chrono::steady_clock;
using Coverage = cache::Gateway::Coverage;

constexpr std::size_t count = 500;
constexpr auto lease = 3000ms;
constexpr std::size_t keys_a_round = 20;

class ManyGateways : public testing::Test {
 protected:
  void SetUp() override {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max < 8'000) GTEST_SKIP() << "only " << files.rlim_max << " files may be open";
    cache::Gateway::Options options;
    options.engine.addresses = {{"127.0.0.1", engine_.port()}};
    options.engine.credential = engine_.master_key();
    options.redis = cache::parse_redis_url(redis_.url()).value();
    options.bus_keys = cache::BusKeys({std::string(SignedBus::key)});
    options.cache.max_entries = 1'000;
    options.follower.lease = lease;
    for (std::size_t i = 0; i < count; ++i) {
      options.name = "gateway-" + std::to_string(i);
      gateways_.push_back(std::make_unique<TestGateway>(options));
    }
    ASSERT_TRUE(all_follow({1, 0}));
  }

  // The end of each waits for up to a second.
  void TearDown() override {
    std::vector<std::thread> threads;
    for (auto& gateway : gateways_) threads.emplace_back([&gateway] { gateway.reset(); });
    for (auto& thread : threads) thread.join();
  }

  // All are connected, and miss nothing.
  bool all_follow(engine::Position last) {
    return eventually([&] {
      return std::ranges::all_of(gateways_, [&](auto& gateway) {
        const auto status = (*gateway)->status();
        return status.coverage == Coverage::fresh && status.redis_connected && status.position >= last;
      });
    });
  }
  bool all_allow(const std::vector<CreatedKey>& keys) {
    return std::ranges::all_of(gateways_, [&](auto& gateway) {
      return std::ranges::all_of(keys, [&](const CreatedKey& key) { return gateway->allows(key.secret); });
    });
  }

  // Revokes, and checks at all of them meanwhile, without waiting for answers.
  void revoke_and_look(HttpClient& admin, const std::vector<CreatedKey>& keys) {
    for (const auto& key : keys) {
      const auto asked = Clock::now();
      const auto response = revoke(admin, key.key_id);
      ASSERT_EQ(response.status, 200) << response.body;
      slowest_ = std::max(slowest_, Clock::now() - asked);
      revoked_.push_back({key, position_of(response), Clock::now()});
      look();
    }
  }
  void look() {
    for (std::size_t i = 0; i < gateways_.size(); ++i) {
      for (const auto& one : revoked_) {
        const auto asked = Clock::now();
        const auto verdict = gateways_[i]->check(one.key.secret);
        if (verdict && verdict->decision && verdict->decision->state == TestGateway::State::active)
          lateness_.allowed("gateway " + std::to_string(i), one, asked);
      }
    }
  }

  SignedBus bus_;
  RedisServer redis_{{"--maxclients", "4000"}};
  EngineProcess engine_{{.redis_url = redis_.url(), .arguments = bus_.arguments()}};
  std::vector<std::unique_ptr<TestGateway>> gateways_;
  std::vector<Acknowledged> revoked_;
  Lateness lateness_{lease};
  Clock::duration slowest_{};
};

TEST_F(ManyGateways, P5BoundedComeBackTogetherAndConverge) {
  HttpClient admin = engine_.client();
  const auto keys = create_keys(engine_, keys_a_round);
  ASSERT_TRUE(eventually([&] { return all_allow(keys); }));
  const std::vector before(keys.begin(), keys.begin() + keys_a_round / 2);
  const std::vector after(keys.begin() + keys_a_round / 2, keys.end());

  // These revocations are not delivered: Redis is down, and the engine is killed right afterwards.
  redis_.kill();
  revoke_and_look(admin, before);
  engine_.kill();
  const auto back_at = Clock::now();
  engine_.start();
  redis_.restart();
  admin.close();
  revoke_and_look(admin, after);
  EXPECT_TRUE(all_follow(revoked_.back().position));
  const auto took = Clock::now() - back_at;
  const auto looked_until = revoked_.back().at + lateness_.bound();
  do look();
  while (Clock::now() < looked_until);
  look();
  EXPECT_EQ(lateness_.violations(), "");
  EXPECT_LT(slowest_, 5s) << "a revocation had to wait for the gateways";
  const auto another = create_key(admin);
  EXPECT_TRUE(eventually([&] { return all_allow({another}); }));
  using std::chrono::duration_cast;
  std::cout << count << " gateways followed again " << duration_cast<std::chrono::milliseconds>(took).count()
            << " ms after the kill; the slowest revocation meanwhile took "
            << duration_cast<std::chrono::milliseconds>(slowest_).count()
            << " ms; a revoked key was allowed for at most " << lateness_.worst().count() << " ms\n";
}

}  // namespace revoked::test::many_gateways_systest
