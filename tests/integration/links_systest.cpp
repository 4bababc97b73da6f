// Engine, Redis and gateways on separate hosts; the links between them fail, each in each direction, in each
// combination.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "tests/support/gateway_observer.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/revocation_load.hpp"
#include "tests/support/rounds.hpp"
#include "tests/support/signed_bus.hpp"

namespace revoked::test::links_systest {

using Direction = Network::Direction;

constexpr auto lease = 1500ms;
constexpr std::size_t engine_host = 0;
constexpr std::size_t redis_host = 1;
constexpr std::size_t first_gateway_host = 2;
constexpr std::size_t gateways = 16;
constexpr std::size_t keys_a_round = 40;
constexpr auto between_revocations = 50ms;

// The cut links of a gateway, by the bits of its number: each combination has one gateway.
std::vector<Direction> links_of_gateway(std::size_t gateway) {
  const auto host = first_gateway_host + gateway;
  const Direction links[] = {
      {host, redis_host}, {redis_host, host}, {host, engine_host}, {engine_host, host}};
  std::vector<Direction> chosen;
  for (std::size_t i = 0; i < std::size(links); ++i) {
    if ((gateway >> i & 1) != 0) chosen.push_back(links[i]);
  }
  return chosen;
}
bool reaches_engine(std::size_t gateway) { return (gateway & 0b1100) == 0; }
bool is_cut_off(std::size_t gateway) { return (gateway & 0b1010) == 0b1010; }

std::vector<Direction> links_to_redis(unsigned combination) {
  std::vector<Direction> chosen;
  if ((combination & 1) != 0) chosen.push_back({engine_host, redis_host});
  if ((combination & 2) != 0) chosen.push_back({redis_host, engine_host});
  return chosen;
}

class CutLinks : public testing::Test {
 protected:
  struct Gateway {
    std::unique_ptr<GatewayProcess> process;
    std::unique_ptr<GatewayObserver> observer;
  };

  void SetUp() override {
    if (!Network::is_permitted()) GTEST_SKIP() << Network::why_not;
    network_.emplace(first_gateway_host + gateways);
    {
      const Network::Stay stay(*network_, redis_host);
      redis_.emplace(std::vector<std::string>{"--bind", "0.0.0.0", "--protected-mode", "no"});
    }
    const auto redis_url = "redis://" + network_->address(redis_host) + ":" + std::to_string(redis_->port());
    {
      const Network::Stay stay(*network_, engine_host);
      engine_.emplace(EngineProcess::Options{
          .redis_url = redis_url, .arguments = bus_.arguments({"--threads", "1"}), .host = "0.0.0.0"});
    }
    const auto engine_url =
        "http://" + network_->address(engine_host) + ":" + std::to_string(engine_->port());
    const auto stale_after = std::to_string(lease.count()) + "ms";
    for (std::size_t i = 0; i < gateways; ++i) {
      const Network::Stay stay(*network_, first_gateway_host + i);
      auto& gateway = gateways_.emplace_back();
      gateway.process = std::make_unique<GatewayProcess>(
          *engine_, GatewayProcess::Options{
                        .engine_url = engine_url,
                        .redis_url = redis_url,
                        .arguments = bus_.arguments({"--stale-after", stale_after, "--threads", "1"})});
      gateway.observer =
          std::make_unique<GatewayObserver>(GatewayObserver::Options{.name = "gateway " + std::to_string(i),
                                                                     .port = gateway.process->port(),
                                                                     .network = &*network_,
                                                                     .host = first_gateway_host + i},
                                            revocations_, lateness_);
    }
  }

  std::vector<CreatedKey> create(std::size_t count) {
    const Network::Stay stay(*network_, engine_host);
    return create_keys(*engine_, count);
  }

  template <class Action>
  auto at_gateway(std::size_t gateway, Action action) {
    const Network::Stay stay(*network_, first_gateway_host + gateway);
    return action(*gateways_[gateway].process);
  }
  bool allows(std::size_t gateway, const CreatedKey& key) {
    return at_gateway(gateway, [&](GatewayProcess& process) {
      HttpClient client(process.port(), 1s);
      try {
        return check(client, key.secret).status == 200;
      } catch (const ConnectionFailed&) {
        return false;
      }
    });
  }
  bool is_stale(std::size_t gateway) {
    return at_gateway(gateway, [](GatewayProcess& process) {
      return process.client().get("/readyz").json()["stale"].is_true();
    });
  }
  engine::Position position_of_gateway(std::size_t gateway) {
    return at_gateway(gateway,
                      [](GatewayProcess& process) { return position_of(process.client().get("/readyz")); });
  }

  // Revokes them, until each gateway has been checked for each after the time at which it must deny.
  void revoke_and_ask(const std::vector<CreatedKey>& keys) {
    {
      const Network::Stay stay(*network_, engine_host);
      HttpClient client = engine_->client();
      for (const auto& key : keys) {
        const auto response = revoke(client, key.key_id);
        ASSERT_EQ(response.status, 200) << response.body;
        last_ = position_of(response);
        revocations_.add({key, last_, std::chrono::steady_clock::now()});
        std::this_thread::sleep_for(between_revocations);
      }
    }
    for (auto& [process, observer] : gateways_) {
      EXPECT_TRUE(eventually([&] { return observer->asked_late() == revocations_.size(); }))
          << process->log_text();
    }
  }

  void expect_all_converge(const CreatedKey& living) {
    for (std::size_t i = 0; i < gateways; ++i) {
      EXPECT_TRUE(eventually([&] { return position_of_gateway(i) >= last_ && allows(i, living); }))
          << "gateway " << i << " at " << to_string(position_of_gateway(i)) << " of " << to_string(last_)
          << "\n"
          << gateways_[i].process->log_text();
    }
  }

  SignedBus bus_;
  std::optional<Network> network_;
  std::optional<RedisServer> redis_;
  std::optional<EngineProcess> engine_;
  Acknowledgements revocations_;
  Lateness lateness_{lease};
  std::vector<Gateway> gateways_;
  engine::Position last_{};
};

TEST_F(CutLinks, P5BoundedEachInEachDirectionInEachCombination) {
  const auto living = create(1).front();
  for (unsigned round = 0; round < 4 * test_rounds(); ++round) {
    SCOPED_TRACE("between engine and Redis combination " + std::to_string(round % 4));
    const auto keys = create(keys_a_round);
    auto cached = keys;
    cached.push_back(living);
    for (std::size_t i = 0; i < gateways; ++i) {
      at_gateway(i,
                 [&](GatewayProcess& process) { EXPECT_EQ(count_allowed(process, cached), cached.size()); });
    }
    auto cut = links_to_redis(round % 4);
    for (std::size_t i = 0; i < gateways; ++i) {
      const auto links = links_of_gateway(i);
      cut.insert(cut.end(), links.begin(), links.end());
    }
    network_->cut(cut);
    const auto allowed_before = lateness_.allowed();
    revoke_and_ask(keys);
    EXPECT_GT(lateness_.allowed(), allowed_before) << "no gateway was disconnected";
    for (std::size_t i = 0; i < gateways; ++i) {
      if (is_cut_off(i)) {
        EXPECT_TRUE(is_stale(i)) << "gateway " << i;
      }
      if (reaches_engine(i)) {
        EXPECT_TRUE(eventually([&] { return allows(i, living); })) << "gateway " << i;
      }
    }
    network_->mend();
    expect_all_converge(living);
    ASSERT_EQ(lateness_.violations(), "");
    if (HasFailure()) return;
  }
  std::cout << "a revoked key was allowed for at most " << lateness_.worst().count() << " ms\n";
}

}  // namespace revoked::test::links_systest
