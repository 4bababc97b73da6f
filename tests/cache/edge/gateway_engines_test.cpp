// A gateway of several engines that share a journal.

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <memory>

#include "tests/cache/edge/gateway_harness.hpp"
#include "tests/cache/edge/scripted_engine.hpp"

namespace revoked::cache::gateway_engines_test {

using test::eventually;
using test::ScriptedEngine;
using test::TestGateway;
using Coverage = Gateway::Coverage;
using State = Decision::State;
using namespace std::chrono_literals;

class GatewayOfSeveral : public testing::Test {
 protected:
  static constexpr std::size_t a = 0, b = 1, c = 2;

  explicit GatewayOfSeveral(std::size_t count = 3) {
    for (std::size_t i = 0; i < count; ++i) start(i);
  }

  void start(std::size_t i) {
    const auto port = i < ports.size() ? ports[i] : std::uint16_t{0};
    if (i >= engines.size()) engines.resize(i + 1);
    engines[i] = std::make_unique<ScriptedEngine>(port);
    // Each has run for another time.
    engines[i]->set_clock(std::string("clock") + static_cast<char>('a' + i), 1'000'000 * static_cast<int>(i));
    if (i >= ports.size()) ports.push_back(engines[i]->port());
  }
  void kill(std::size_t i) { engines[i].reset(); }
  ScriptedEngine& at(std::size_t i) { return *engines[i]; }

  // At the leader, and at the followers that have read it.
  void revoke(const std::string& key, std::size_t leader, const std::vector<std::size_t>& followers) {
    at(leader).revoke(key);
    for (const auto i : followers) at(i).catch_up_with(at(leader));
  }

  TestGateway::Gateway::Options options(std::chrono::milliseconds lease = 1min) const {
    auto options = TestGateway::options(ports[0], lease);
    for (std::size_t i = 1; i < ports.size(); ++i)
      options.engine.addresses.push_back({"127.0.0.1", ports[i]});
    return options;
  }
  bool uses(TestGateway& gateway, std::size_t i) const {
    return gateway->status().engine == "http://127.0.0.1:" + std::to_string(ports[i]);
  }
  bool comes_to(TestGateway& gateway, std::size_t i) const {
    return eventually([&] { return uses(gateway, i) && gateway->status().feed_connected; });
  }

  std::vector<std::uint16_t> ports;
  std::vector<std::unique_ptr<ScriptedEngine>> engines;
};

TEST_F(GatewayOfSeveral, GoesOnWithTheNextWhenItsEngineDies) {
  TestGateway gateway(options(TestGateway::short_lease));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  ASSERT_TRUE(comes_to(gateway, a));
  EXPECT_TRUE(gateway.allows("k1"));
  EXPECT_TRUE(gateway.allows("k2"));
  kill(a);
  ASSERT_TRUE(comes_to(gateway, b));
  EXPECT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.is_cached("k1"));
  EXPECT_EQ(gateway->status().flushes, 1u) << "only the first";
  EXPECT_EQ(gateway->status().engine_changes, 1u);
  at(b).revoke("k1");
  EXPECT_TRUE(eventually([&] { return !gateway.allows("k1"); }));
  EXPECT_TRUE(gateway.allows("k3"));
  EXPECT_TRUE(eventually([&] { return at(b).reports > 0; }));
  EXPECT_EQ(at(c).questions + at(c).pages + at(c).streams + at(c).reports, 0);
  const auto events = gateway.events();
  EXPECT_EQ(std::ranges::count_if(events, [](const auto& e) { return e.starts_with("engine in use: now "); }),
            1);
}

TEST_F(GatewayOfSeveral, GoesOnWithTheNextWhenItsEngineRefusesToServe) {
  TestGateway gateway(options());
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  ASSERT_TRUE(comes_to(gateway, a));
  at(a).serve_nothing(true);
  at(b).serve_nothing(true);
  ASSERT_TRUE(comes_to(gateway, c));
  EXPECT_TRUE(gateway.allows("k1"));
  EXPECT_EQ(gateway->status().flushes, 1u);
}

TEST_F(GatewayOfSeveral, AsksTheNextAtOnceWhenItsEngineRefusesAQuestion) {
  TestGateway gateway(options());
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  ASSERT_TRUE(comes_to(gateway, a));
  at(a).refuses_questions = true;
  EXPECT_TRUE(gateway.allows("k1"));
  EXPECT_TRUE(uses(gateway, b));
  EXPECT_EQ(at(b).questions, 1);
  EXPECT_TRUE(eventually([&] { return at(b).streams == 1; })) << "the stream goes there too";
}

TEST_F(GatewayOfSeveral, AsksEachInTurnUntilOneAnswers) {
  TestGateway gateway(options());
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  ASSERT_TRUE(comes_to(gateway, a));
  at(a).refuses_questions = at(b).refuses_questions = true;
  EXPECT_TRUE(gateway.allows("k1"));
  EXPECT_TRUE(uses(gateway, c));
  EXPECT_EQ(at(c).questions, 1);
}

TEST_F(GatewayOfSeveral, StaysWithTheOneThatWorks) {
  TestGateway gateway(options());
  ASSERT_TRUE(comes_to(gateway, a));
  kill(a);
  ASSERT_TRUE(comes_to(gateway, b));
  start(a);
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(gateway.allows("k" + std::to_string(i)));
  EXPECT_TRUE(uses(gateway, b));
  EXPECT_EQ(at(a).questions + at(a).pages + at(a).streams, 0);
}

TEST_F(GatewayOfSeveral, AsksAQuestionInFlightAgainWhenItsEngineDies) {
  TestGateway gateway(options());
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  ASSERT_TRUE(comes_to(gateway, a));
  at(a).hold_answers(true);
  auto allowed = std::async(std::launch::async, [&] { return gateway.allows("k1"); });
  ASSERT_TRUE(eventually([&] { return at(a).held == 1; }));
  at(a).serve_nothing(true);
  EXPECT_TRUE(allowed.get());
  EXPECT_EQ(at(b).questions, 1);
  EXPECT_EQ(gateway->status().failed_questions, 0u);
}

TEST_F(GatewayOfSeveral, LeavesAnEngineThatHangs) {
  auto settings = options(3s);
  settings.follower.repair_timeout = 2s;
  TestGateway gateway(settings);
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  ASSERT_TRUE(comes_to(gateway, a));
  const auto stale_before = gateway->status().stale_for;
  at(a).hides_heartbeats = at(a).hides_messages = true;
  at(a).hold_answers(true);
  ASSERT_TRUE(comes_to(gateway, b));
  EXPECT_TRUE(gateway.allows("k1"));
  if (!test::sanitized) {
    EXPECT_EQ(gateway->status().stale_for, stale_before);
  }
}

TEST_F(GatewayOfSeveral, P2AbsorbingAnEngineThatIsBehindAllowsNothingThatWasRevoked) {
  TestGateway gateway(options());
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  ASSERT_TRUE(comes_to(gateway, a));
  EXPECT_TRUE(gateway.allows("k1"));
  EXPECT_TRUE(gateway.allows("k2"));
  revoke("k1", a, {c});
  ASSERT_TRUE(gateway.reaches({1, 1}));
  EXPECT_FALSE(gateway.allows("k1"));
  kill(a);
  ASSERT_TRUE(eventually([&] {
    EXPECT_FALSE(gateway.allows("k1"));
    return uses(gateway, c);
  }));
  EXPECT_GT(at(b).pages, 0);
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_FALSE(gateway.allows("k1"));
  EXPECT_TRUE(gateway.is_cached("k2"));
  EXPECT_EQ(gateway->status().flushes, 1u);
  EXPECT_EQ(gateway->status().position, (Position{1, 1}));
}

TEST_F(GatewayOfSeveral, WaitsForAnEngineThatIsBehindForAMoment) {
  auto settings = options();
  settings.follower.repair_timeout = 20s;  // two seconds to catch up
  TestGateway gateway(settings);
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  ASSERT_TRUE(comes_to(gateway, a));
  revoke("k1", a, {});
  ASSERT_TRUE(gateway.reaches({1, 1}));
  at(a).serve_nothing(true);
  ASSERT_TRUE(eventually([&] { return uses(gateway, b) && at(b).pages > 0; }));
  at(b).catch_up_with(at(a));
  ASSERT_TRUE(eventually([&] { return at(b).pages > 1; }));
  EXPECT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(uses(gateway, b));
  EXPECT_FALSE(gateway.allows("k1"));
  EXPECT_EQ(gateway->status().flushes, 1u);
}

TEST_F(GatewayOfSeveral, BeginsAfreshWhereAllOthersAre) {
  TestGateway gateway(options());
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  ASSERT_TRUE(comes_to(gateway, a));
  revoke("k1", a, {});  // told, but never durable
  ASSERT_TRUE(gateway.reaches({1, 1}));
  kill(a);
  EXPECT_TRUE(gateway.reaches({1, 0}));
  EXPECT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_EQ(gateway->status().flushes, 2u);
}

TEST_F(GatewayOfSeveral, P2AbsorbingTheHigherEpochWins) {
  auto settings = options();
  settings.follower.repair_timeout = 5s;  // less, and the epoch before would count at its end
  TestGateway gateway(settings);
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  ASSERT_TRUE(comes_to(gateway, a));
  EXPECT_TRUE(gateway.allows("k"));
  // b leads; c follows it, and a does not hear of it.
  at(b).restart();
  for (int i = 0; i < 10; ++i) revoke("k" + std::to_string(i), b, {c});
  at(a).serve_nothing(true);
  ASSERT_TRUE(gateway.reaches({2, 11}));
  EXPECT_TRUE(gateway.is_cached("k"));
  // a is left, which says that all keys are active.
  at(a).serve_nothing(false);
  at(c).serve_nothing(true);
  kill(b);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(gateway.allows("k" + std::to_string(i)));
  EXPECT_GT(at(a).questions, 0);
  at(c).serve_nothing(false);
  ASSERT_TRUE(comes_to(gateway, c));
  EXPECT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_EQ(gateway->status().position, (Position{2, 11}));
  EXPECT_EQ(gateway->status().flushes, 1u);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(gateway.allows("k" + std::to_string(i)));
  EXPECT_TRUE(gateway.is_cached("k"));
}

TEST_F(GatewayOfSeveral, FindsTheOneThatComesBack) {
  TestGateway gateway(options(TestGateway::short_lease));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.allows("k1"));
  revoke("k1", a, {b, c});
  ASSERT_TRUE(eventually([&] { return !gateway.allows("k1"); }));
  for (const auto i : {a, b, c}) at(i).serve_nothing(true);
  ASSERT_TRUE(gateway.becomes(Coverage::stale));
  EXPECT_FALSE(gateway.decide("k1").decision);
  at(b).serve_nothing(false);
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(comes_to(gateway, b));
  EXPECT_FALSE(gateway.allows("k1"));
  EXPECT_TRUE(gateway.allows("k2"));
}

TEST_F(GatewayOfSeveral, StartsWithTheOneThatServes) {
  kill(a);
  at(b).serve_nothing(true);
  TestGateway gateway(options());
  EXPECT_TRUE(comes_to(gateway, c));
  EXPECT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.allows("k1"));
}

class GatewayOfOne : public GatewayOfSeveral {
 protected:
  GatewayOfOne() : GatewayOfSeveral(1) {}
};

TEST_F(GatewayOfOne, KeepsItsEngine) {
  TestGateway gateway(options());
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  at(a).serve_nothing(true);
  EXPECT_FALSE(gateway.allows("k1"));
  at(a).serve_nothing(false);
  EXPECT_TRUE(eventually([&] { return gateway.allows("k1"); }));
  EXPECT_TRUE(uses(gateway, a));
  EXPECT_EQ(gateway->status().engine_changes, 0u);
}

}  // namespace revoked::cache::gateway_engines_test
