// Who enforces a revocation, with real gateways of which some do not answer.

#include <gtest/gtest.h>
#include <signal.h>

#include "tests/support/redis_server.hpp"
#include "tests/support/revoked_programs.hpp"
#include "tests/support/signed_bus.hpp"

namespace revoked::test::receipts_systest {

using Clock = std::chrono::steady_clock;

constexpr auto lease = 2s;

class Receipts : public testing::Test {
 protected:
  Receipts() {
    for (const auto* name : {"edge-1", "edge-2", "edge-3"}) gateways_.push_back(start(name));
    EXPECT_TRUE(eventually([&] { return known() == 3; }));
  }
  // The last one follows the engine's feed.
  std::unique_ptr<GatewayProcess> start(const std::string& name) {
    const std::vector<std::string> arguments{"--name", name, "--stale-after", "2s"};
    GatewayProcess::Options options{{}, redis_.url(), bus_.arguments(arguments)};
    if (name == "edge-3") options = {{}, {}, arguments};
    return std::make_unique<GatewayProcess>(engine_, std::move(options));
  }
  GatewayProcess& gateway(int number) { return *gateways_[static_cast<std::size_t>(number - 1)]; }

  std::size_t known() { return admin_.get("/v1/gateways").json()["gateways"].size(); }
  // A key that all gateways have cached.
  CreatedKey cached_key() {
    auto key = create_key(admin_);
    for (auto& gateway : gateways_) {
      auto client = gateway->client();
      EXPECT_TRUE(eventually([&] { return check(client, key.secret).status == 200; }));
    }
    return key;
  }
  HttpResponse revoke_and_wait(const CreatedKey& key, int seconds) {
    return admin_.request("DELETE", "/v1/keys/" + key.key_id,
                          {{"Prefer", "wait=" + std::to_string(seconds)}});
  }
  // "name by" of the gateways that enforce it, then "name waiting".
  std::vector<std::string> receipt(engine::Position position) {
    const auto receipt = admin_.get("/v1/receipts/" + to_string(position)).json();
    std::vector<std::string> texts;
    for (const auto& each : receipt["gateways"].items())
      texts.push_back(each["name"].text() + " " + each["by"].text());
    for (const auto& each : receipt["waiting"].items()) texts.push_back(each.text() + " waiting");
    return texts;
  }
  using Texts = std::vector<std::string>;

  SignedBus bus_;
  RedisServer redis_;
  EngineProcess engine_{{.redis_url = redis_.url(), .arguments = bus_.arguments()}};
  HttpClient admin_ = engine_.client();
  std::vector<std::unique_ptr<GatewayProcess>> gateways_;
};

TEST_F(Receipts, AreCompleteAsSoonAsAllGatewaysHaveApplied) {
  const auto key = cached_key();
  const auto began = Clock::now();
  const auto revoked = revoke_and_wait(key, 30);
  EXPECT_LT(Clock::now() - began, lease) << "by applying";
  ASSERT_EQ(revoked.status, 200);
  EXPECT_EQ(revoked.header("Revocation-Enforced"), "3/3") << revoked.body;
  for (auto& gateway : gateways_) {
    auto client = gateway->client();
    EXPECT_EQ(check(client, key.secret).status, 403);
  }
  EXPECT_EQ(receipt(position_of(revoked)), (Texts{"edge-1 applied", "edge-2 applied", "edge-3 applied"}));
  RecordProperty("after_ms", revoked.header("Revocation-Enforced-After"));
}

TEST_F(Receipts, CountAGatewayThatDoesNotAnswerOnceItsLeaseIsOver) {
  const auto key = cached_key();
  const auto other = cached_key();
  gateway(2).process().signal(SIGSTOP);
  auto began = Clock::now();
  const auto early = revoke_and_wait(key, 1);
  EXPECT_GE(Clock::now() - began, 1s);
  EXPECT_EQ(early.header("Revocation-Enforced"), "2/3") << early.body;
  EXPECT_EQ(early.json()["enforced"]["waiting"][0].text(), "edge-2");

  began = Clock::now();
  const auto plain = revoke(admin_, other.key_id);
  EXPECT_LT(Clock::now() - began, 1s) << "without a wait nothing is waited for";
  EXPECT_EQ(plain.header("Revocation-Enforced"), "");

  const auto late = revoke_and_wait(key, 30);
  EXPECT_EQ(late.header("Revocation-Enforced"), "3/3") << late.body;
  EXPECT_EQ(late.json()["enforced"]["by_lease"].number(), 1);
  EXPECT_EQ(late.json()["enforced"]["applied"].number(), 2);
  const auto position = position_of(early);
  EXPECT_EQ(position_of(late), position) << "the same revocation";
  EXPECT_EQ(receipt(position), (Texts{"edge-1 applied", "edge-2 lease", "edge-3 applied"}));

  auto stopped = gateway(2).client();
  stopped.send(stopped.format("GET", "/check", {{"Authorization", "Bearer " + key.secret}}));
  gateway(2).process().signal(SIGCONT);
  EXPECT_NE(stopped.receive().status, 200) << "from the first request on";
  EXPECT_TRUE(eventually([&] {
    return receipt(position) == Texts{"edge-1 applied", "edge-2 applied", "edge-3 applied"};
  }));
}

TEST_F(Receipts, CountAGatewayThatVanishedByItsLeaseAndForgetOneThatStops) {
  gateways_.push_back(start("edge-4"));
  EXPECT_TRUE(eventually([&] { return known() == 4; }));
  gateway(4).kill();
  gateway(1).kill();
  EXPECT_EQ(gateway(3).stop(), 0);
  EXPECT_EQ(known(), 3u) << "forgotten at once";
  const auto key = create_key(admin_);
  const auto revoked = revoke_and_wait(key, 30);
  EXPECT_EQ(revoked.header("Revocation-Enforced"), "3/3") << revoked.body;
  EXPECT_EQ(receipt(position_of(revoked)), (Texts{"edge-1 lease", "edge-2 applied", "edge-4 lease"}));
  EXPECT_TRUE(eventually([&] {
    const auto all = admin_.get("/v1/gateways").json()["gateways"];
    return all[0]["state"].text() == "gone" && all[2]["state"].text() == "gone";
  }));
  // Its former process may be alive: it counts until it is gone.
  gateway(1).start();
  EXPECT_TRUE(eventually([&] {
    const auto all = admin_.get("/v1/gateways").json()["gateways"];
    return all.size() == 3 && all[0]["state"].text() == "current";
  }));
  EXPECT_EQ(receipt(position_of(revoked)), (Texts{"edge-1 applied", "edge-2 applied", "edge-4 lease"}));

  EXPECT_EQ(admin_.request("DELETE", "/v1/gateways/edge-1").status, 409) << "it lives";
  EXPECT_EQ(admin_.request("DELETE", "/v1/gateways/edge-4").status, 204);
  EXPECT_TRUE(eventually([&] {
    return engine_.log_text().find(R"("message":"gateway forgotten","gateway":"edge-4","actor":"master")") !=
           std::string::npos;
  }));
  const auto began = Clock::now();
  const auto next = revoke_and_wait(create_key(admin_), 30);
  EXPECT_LT(Clock::now() - began, lease) << "nothing waits for it any more";
  EXPECT_EQ(next.header("Revocation-Enforced"), "2/2") << next.body;
}

TEST_F(Receipts, OfEarlierRevocationsAreCompleteAgainAfterARestartOfTheEngine) {
  const auto revoked = revoke_and_wait(create_key(admin_), 30);
  EXPECT_EQ(engine_.stop(), 0);
  engine_.start();
  admin_.close();
  EXPECT_TRUE(eventually([&] {
    return receipt(position_of(revoked)) == Texts{"edge-1 applied", "edge-2 applied", "edge-3 applied"};
  }));
  const auto next = revoke_and_wait(create_key(admin_), 30);
  EXPECT_EQ(next.header("Revocation-Enforced"), "3/3");
}

}  // namespace revoked::test::receipts_systest
