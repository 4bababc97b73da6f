// Messages to and from Redis are lost, repeated, delayed and reordered.

#include <gtest/gtest.h>

#include "tests/support/bus_proxy.hpp"
#include "tests/support/distance.hpp"
#include "tests/support/gateway_observer.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revocation_load.hpp"
#include "tests/support/rounds.hpp"
#include "tests/support/signed_bus.hpp"

namespace revoked::test::bus_systest {

constexpr auto lease = 1000ms;

std::vector<std::string> with_lease() { return {"--stale-after", std::to_string(lease.count()) + "ms"}; }

TEST(BusFaults, P6SelfRepairingLostRepeatedReorderedAndLateMessagesLoseNoRevocation) {
  const auto seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SignedBus bus;
  RedisServer redis;
  BusProxy to_redis(redis.port(), seed);
  BusProxy from_redis(redis.port(), seed + 1);
  EngineProcess engine({.redis_url = to_redis.url(), .arguments = bus.arguments()});
  GatewayProcess on_redis(engine, {.redis_url = from_redis.url(), .arguments = bus.arguments(with_lease())});
  GatewayProcess behind_engine_faults(engine,
                                      {.redis_url = redis.url(), .arguments = bus.arguments(with_lease())});
  GatewayProcess on_unsigned(engine, {.redis_url = from_redis.url(), .arguments = with_lease()});
  const std::vector<std::pair<std::string, GatewayProcess*>> gateways{
      {"behind both", &on_redis}, {"behind the engine's", &behind_engine_faults}, {"unsigned", &on_unsigned}};

  const auto keys = create_keys(engine, 250 * test_rounds());
  HttpClient admin = engine.client();
  const CreatedKey living = create_key(admin);
  for (const auto& [name, gateway] : gateways) {
    HttpClient client = gateway->client();
    ASSERT_TRUE(eventually([&] { return client.get("/healthz").json()["redis_connected"].is_true(); }));
    ASSERT_EQ(count_allowed(*gateway, keys), keys.size()) << gateway->log_text();
  }
  to_redis.set({.lost = 15, .repeated = 10, .late = 20, .at_most = 700ms});
  from_redis.set({.lost = 15, .repeated = 10, .late = 20, .at_most = 2500ms});

  Lateness lateness(lease);
  RevocationLoad load(engine, keys, 1, RevocationLoad::Supply::of_keys, 20ms);
  std::vector<std::unique_ptr<GatewayObserver>> observers;
  for (const auto& [name, gateway] : gateways)
    observers.push_back(std::make_unique<GatewayObserver>(
        GatewayObserver::Options{.name = name, .port = gateway->port()}, load.acknowledgements(), lateness));
  ASSERT_TRUE(eventually([&] { return load.count() == keys.size(); }, 60s * test_rounds()));
  for (std::size_t i = 0; i < observers.size(); ++i) {
    EXPECT_TRUE(eventually([&] { return observers[i]->asked_late() == keys.size(); })) << gateways[i].first;
  }
  EXPECT_EQ(lateness.violations(), "");
  EXPECT_GT(to_redis.harmed(), 0u);
  EXPECT_GT(from_redis.harmed(), 0u);

  to_redis.set({});
  from_redis.set({});
  const auto last = position_of(admin.get("/v1/invalidations"));
  for (const auto& [name, gateway] : gateways) {
    HttpClient client = gateway->client();
    EXPECT_TRUE(eventually([&] {
      return check(client, living.secret).status == 200 && position_of(client.get("/readyz")) == last;
    })) << name
        << gateway->log_text();
  }
  std::cout << "harmed " << to_redis.harmed() << " of " << to_redis.messages() << " and "
            << from_redis.harmed() << " of " << from_redis.messages()
            << "; a revoked key was allowed for at most " << lateness.worst().count() << " ms\n";
}

// The delay grows with each message, none is missing, and the engine is unreachable: a gateway that counted
// its lease from their arrival would extend it without limit.
TEST(BusFaults, P5BoundedALineThatBecomesSlowerExtendsNoLease) {
  SignedBus bus;
  RedisServer redis;
  BusProxy line(redis.port(), 1);
  EngineProcess engine({.redis_url = redis.url(), .arguments = bus.arguments()});
  std::optional<Distance> questions(std::in_place, engine.port(), 0ms);
  GatewayProcess gateway(engine, {.engine_url = "http://127.0.0.1:" + std::to_string(questions->port()),
                                  .redis_url = line.url(),
                                  .arguments = bus.arguments(with_lease())});
  const auto keys = create_keys(engine, 60);
  HttpClient client = gateway.client();
  const auto follows_redis_only = [&] {
    const Json health = client.get("/healthz").json();
    return health["redis_connected"].is_true() && !health["feed_connected"].is_true();
  };
  ASSERT_TRUE(eventually(follows_redis_only)) << gateway.log_text();
  ASSERT_EQ(count_allowed(gateway, keys), keys.size());

  line.set({.growth = 2000ms});
  questions.reset();
  Lateness lateness(lease);
  RevocationLoad load(engine, keys, 1, RevocationLoad::Supply::of_keys, 30ms);
  const GatewayObserver observer({.name = "the gateway", .port = gateway.port()}, load.acknowledgements(),
                                 lateness);
  ASSERT_TRUE(eventually([&] { return load.count() == keys.size(); }));
  EXPECT_TRUE(eventually([&] { return observer.asked_late() == keys.size(); }));
  EXPECT_GT(lateness.allowed(), 0u) << "it had nothing cached";
  EXPECT_EQ(lateness.violations(), "");
  EXPECT_EQ(client.get("/readyz").status, 503);
}

}  // namespace revoked::test::bus_systest
