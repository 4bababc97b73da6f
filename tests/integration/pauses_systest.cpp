// Processes that are stopped and continued (SIGSTOP, SIGCONT): engine, Redis, a gateway, in each combination.

#include <gtest/gtest.h>
#include <signal.h>

#include "tests/support/gateway_observer.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revocation_load.hpp"
#include "tests/support/rounds.hpp"
#include "tests/support/signed_bus.hpp"

namespace revoked::test::pauses_systest {

constexpr auto lease = 1000ms;
// Deliberate pauses: longer than the lease, so that messages in the sockets are old; and between the gateways
// and the others, so that gateways have old messages and no answers.
constexpr auto stopped_for = 1800ms;
constexpr auto gateways_ahead = 100ms;
constexpr std::size_t keys_a_round = 40;
constexpr auto between_revocations = 50ms;  // a rate: some are acknowledged in each phase

class StoppedProcesses : public testing::Test {
 protected:
  GatewayProcess::Options gateway_options(bool is_signed) const {
    const std::vector<std::string> own{"--stale-after", std::to_string(lease.count()) + "ms"};
    return {.redis_url = redis_.url(), .arguments = is_signed ? bus_.arguments(own) : own};
  }
  GatewayObserver::Options observed(std::string name, const GatewayProcess& gateway) const {
    return {.name = std::move(name), .port = gateway.port()};
  }

  SignedBus bus_;
  RedisServer redis_;
  EngineProcess engine_{{.redis_url = redis_.url(), .arguments = bus_.arguments()}};
  GatewayProcess going_{engine_, gateway_options(true)};
  GatewayProcess stopping_{engine_, gateway_options(true)};
  GatewayProcess stopping_unsigned_{engine_, gateway_options(false)};  // follows the feed as well
};

TEST_F(StoppedProcesses, P5BoundedEachForAWhileInEachCombination) {
  HttpClient admin = engine_.client();
  const CreatedKey living = create_key(admin);
  const std::vector<std::pair<std::string, GatewayProcess*>> gateways{
      {"the running one", &going_},
      {"a stopped one", &stopping_},
      {"a stopped one on the feed", &stopping_unsigned_}};
  for (unsigned round = 0; round < 4 * test_rounds(); ++round) {
    const bool stops_engine = round % 4 == 1 || round % 4 == 3;
    const bool stops_redis = round % 4 >= 2;
    SCOPED_TRACE(std::string(stops_engine ? "engine " : "") + (stops_redis ? "Redis " : "") + "stopped");
    const auto keys = create_keys(engine_, keys_a_round);
    for (const auto& [name, gateway] : gateways) {
      ASSERT_TRUE(eventually([&] { return count_allowed(*gateway, keys) == keys.size(); }))
          << gateway->log_text();
    }
    Lateness lateness(lease);
    RevocationLoad load(engine_, keys, 1, RevocationLoad::Supply::of_keys, between_revocations);
    std::vector<std::unique_ptr<GatewayObserver>> observers;
    for (const auto& [name, gateway] : gateways)
      observers.push_back(
          std::make_unique<GatewayObserver>(observed(name, *gateway), load.acknowledgements(), lateness));
    ASSERT_TRUE(eventually([&] { return load.count() > 5; }));

    stopping_.process().signal(SIGSTOP);
    stopping_unsigned_.process().signal(SIGSTOP);
    if (stops_redis) redis_.pause();
    if (stops_engine) engine_.process().signal(SIGSTOP);
    std::this_thread::sleep_for(stopped_for);
    stopping_.process().signal(SIGCONT);
    stopping_unsigned_.process().signal(SIGCONT);
    std::this_thread::sleep_for(gateways_ahead);
    if (stops_engine) engine_.process().signal(SIGCONT);
    if (stops_redis) redis_.resume();

    ASSERT_TRUE(eventually([&] { return load.count() == keys.size(); })) << engine_.log_text();
    EXPECT_TRUE(load.surprises().empty());
    for (std::size_t i = 0; i < observers.size(); ++i) {
      EXPECT_TRUE(eventually([&] { return observers[i]->asked_late() == keys.size(); })) << gateways[i].first;
      HttpClient client = gateways[i].second->client();
      EXPECT_TRUE(eventually([&] { return check(client, living.secret).status == 200; }))
          << gateways[i].second->log_text();
    }
    ASSERT_EQ(lateness.violations(), "");
  }
}

}  // namespace revoked::test::pauses_systest
