// The engine is killed or stopped at any time, under load: what was acknowledged stays true.

#include <gmock/gmock.h>
#include <signal.h>

#include <random>
#include <set>

#include "tests/support/gateway_observer.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revocation_load.hpp"

namespace revoked::test::durable_systest {

constexpr std::size_t load_threads = 4;

void expect_all_revoked(const EngineProcess& engine, const std::vector<Acknowledged>& acknowledged) {
  HttpClient client = engine.client();
  for (const auto& [key, position, at] : acknowledged) {
    ASSERT_EQ(state_of(client, key.key_id), "revoked") << key.key_id << " at " << to_string(position);
    ASSERT_FALSE(verify(client, key.secret)["active"].is_true()) << key.key_id;
  }
}

void expect_no_position_twice(const std::vector<Acknowledged>& acknowledged) {
  std::set<engine::Sequence> seen;
  for (const auto& [key, position, at] : acknowledged) {
    ASSERT_GT(position.sequence, 0u) << key.key_id;
    ASSERT_TRUE(seen.insert(position.sequence).second) << to_string(position) << " was assigned twice";
  }
}

engine::Position current_position(const EngineProcess& engine) {
  HttpClient client = engine.client();
  return position_of(client.get("/v1/invalidations"));
}

TEST(P1Durable, EveryAnsweredRevocationSurvivesKillNine) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::uniform_int_distribution moment_ms(1, 700);

  RedisServer redis;
  EngineProcess engine({.redis_url = redis.url()});
  GatewayProcess gateway(engine, {.redis_url = redis.url(), .arguments = {"--stale-after", "1s"}});
  auto keys = create_keys(engine, programs_are_sanitized() ? 1'000 : 6'000);
  ASSERT_EQ(count_allowed(gateway, keys), keys.size());
  engine::Position before = current_position(engine);

  RevocationLoad load(engine, std::move(keys), load_threads, RevocationLoad::Supply::endless);
  Lateness lateness(1s);
  const GatewayObserver observer({.name = "the gateway", .port = gateway.port()}, load.acknowledgements(),
                                 lateness);
  const int rounds = programs_are_sanitized() ? 2 : 5;
  for (int round = 1; round <= rounds; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(moment_ms(random)));
    engine.kill();
    engine.start();
    const engine::Position now = current_position(engine);
    EXPECT_EQ(now.epoch, before.epoch + 1);
    EXPECT_GE(now.sequence, before.sequence);
    before = now;
    const std::size_t so_far = load.count();
    EXPECT_TRUE(eventually([&] { return load.count() > so_far + load_threads; })) << "round " << round;
  }
  constexpr std::size_t asked_at_gateway = 100;
  EXPECT_TRUE(eventually([&] { return load.count() > asked_at_gateway; }));  // the moments may all be early
  load.stop();
  engine.kill();
  engine.start();

  EXPECT_THAT(load.surprises(), testing::IsEmpty());
  EXPECT_GT(load.unknown(), 0u) << "never killed during a request";
  const auto acknowledged = load.acknowledged();
  expect_all_revoked(engine, acknowledged);
  expect_no_position_twice(acknowledged);

  // The gateway keeps running: it denies all of them, and still allows an active key.
  std::this_thread::sleep_until(acknowledged.back().at + lateness.bound());
  EXPECT_TRUE(eventually([&] { return observer.asked_late() > asked_at_gateway; }));
  EXPECT_EQ(lateness.violations(), "");
  HttpClient engine_client = engine.client();
  HttpClient gateway_client = gateway.client();
  const CreatedKey alive = create_key(engine_client);
  EXPECT_TRUE(eventually([&] { return check(gateway_client, alive.secret).status == 200; }));
  std::vector<CreatedKey> dead;
  for (const auto& one : acknowledged) dead.push_back(one.key);
  EXPECT_EQ(count_allowed(gateway, dead), 0u);
}

TEST(P1Durable, CreatedKeysAndOwnerRevocationsSurviveKillNine) {
  EngineProcess engine;
  std::vector<CreatedKey> old_keys;
  std::vector<CreatedKey> new_keys;
  {
    HttpClient client = engine.client();
    for (int i = 0; i < 50; ++i)
      old_keys.push_back(create_key(client, {{"workspace", "w1"}, {"user", "u1"}}));
    EXPECT_EQ(revoke_owner(client, "workspace", "w1").json()["revoked"].number(), 50);
    for (int i = 0; i < 50; ++i)
      new_keys.push_back(create_key(client, {{"workspace", "w1"}, {"user", "u1"}}));
  }
  for (int round = 0; round < 2; ++round) {  // the second time on the result of the first
    engine.kill();
    engine.start();
    HttpClient client = engine.client();
    for (const auto& key : old_keys) {
      ASSERT_EQ(state_of(client, key.key_id), "revoked");
      ASSERT_FALSE(verify(client, key.secret)["active"].is_true());
    }
    for (const auto& key : new_keys) {
      ASSERT_EQ(state_of(client, key.key_id), "active");
      ASSERT_TRUE(verify(client, key.secret)["active"].is_true());
    }
  }
}

TEST(P1Durable, SigtermUnderLoadKeepsWhatWasAnsweredAndExitsZero) {
  for (int signal_number : {SIGTERM, SIGINT}) {
    EngineProcess engine;
    RevocationLoad load(engine, create_keys(engine, 1'000), load_threads, RevocationLoad::Supply::endless);
    ASSERT_TRUE(eventually([&] { return load.count() > 200; }));
    engine.process().signal(signal_number);
    EXPECT_EQ(engine.process().wait(60s), 0) << engine.process().description();
    load.stop();
    engine.start();
    EXPECT_THAT(load.surprises(), testing::IsEmpty());
    expect_all_revoked(engine, load.acknowledged());
    expect_no_position_twice(load.acknowledged());
  }
}

TEST(P2Absorbing, NothingBringsARevokedKeyBack) {
  EngineProcess engine;
  CreatedKey key;
  {
    HttpClient client = engine.client();
    key = create_key(client, {{"user", "u1"}});
    ASSERT_EQ(revoke(client, key.key_id).status, 200);
    // The same id or the same secret again: refused, and the key stays revoked.
    const auto same_id = client.request("POST", "/v1/keys", {}, json_object({{"key_id", key.key_id}}));
    EXPECT_EQ(same_id.status / 100, 4) << same_id.body;
    const auto same_secret = client.request("POST", "/v1/keys", {}, json_object({{"secret", key.secret}}));
    EXPECT_EQ(same_secret.status / 100, 4) << same_secret.body;
    EXPECT_EQ(state_of(client, key.key_id), "revoked");
  }
  for (int round = 0; round < 3; ++round) {
    if (round == 1) {
      engine.stop();
    } else {
      engine.kill();
    }
    engine.start();
    HttpClient client = engine.client();
    EXPECT_EQ(state_of(client, key.key_id), "revoked");
    EXPECT_EQ(verify(client, key.secret)["state"].text(), "revoked");
  }
}

TEST(P3Ordered, EachStartBeginsTheNextEpochAndSequencesGoOn) {
  EngineProcess engine;
  engine::Position last = current_position(engine);
  EXPECT_EQ(last.epoch, 1u);
  for (int round = 0; round < 4; ++round) {
    {
      HttpClient client = engine.client();
      const CreatedKey key = create_key(client);
      const engine::Position revoked_at = position_of(revoke(client, key.key_id));
      EXPECT_EQ(revoked_at.epoch, last.epoch);
      EXPECT_GT(revoked_at.sequence, last.sequence);
      last = revoked_at;
    }
    if (round % 2 == 0) {
      engine.kill();
    } else {
      EXPECT_EQ(engine.stop(), 0);
    }
    engine.start();
    const engine::Position now = current_position(engine);
    EXPECT_EQ(now.epoch, last.epoch + 1);
    EXPECT_GE(now.sequence, last.sequence);
    last = now;
  }
}

TEST(P4ReadYourRevocation, EveryVerifyAfterTheAnswerDenies) {
  EngineProcess engine;
  const auto keys = create_keys(engine, 500);
  HttpClient revoker = engine.client();
  HttpClient other = engine.client();  // another connection, so possibly another thread of the engine
  for (const auto& key : keys) {
    ASSERT_TRUE(verify(other, key.secret)["active"].is_true());
    ASSERT_EQ(revoke(revoker, key.key_id).status, 200);
    ASSERT_FALSE(verify(other, key.secret)["active"].is_true());
  }
}

}  // namespace revoked::test::durable_systest
