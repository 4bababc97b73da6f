// What a gateway answers once its lease is over.

#include <gtest/gtest.h>

#include "tests/cache/edge/gateway_harness.hpp"
#include "tests/cache/edge/scripted_engine.hpp"

namespace revoked::cache::gateway_stale_test {

using test::eventually;
using test::ScriptedEngine;
using test::TestGateway;
using Coverage = Gateway::Coverage;

TEST(GatewayWhenStale, DeniesByDefault) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port(), TestGateway::short_lease));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(eventually([&] { return gateway.allows("k1"); }));
  engine.fall_silent();
  ASSERT_TRUE(gateway.becomes(Coverage::stale));
  const int questions = engine.questions;
  const auto verdict = gateway.decide("k1");
  EXPECT_FALSE(verdict.decision);
  EXPECT_TRUE(verdict.stale);
  EXPECT_TRUE(gateway.ask("k1").stale);
  EXPECT_EQ(engine.questions, questions);
  engine.refuses_pages = engine.refuses_streams = false;
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(eventually([&] { return gateway.is_cached("k1"); }));
}

TEST(GatewayWhenStale, AsksTheEngineAndKeepsNothing) {
  ScriptedEngine engine;
  auto options = TestGateway::options(engine.port(), TestGateway::short_lease);
  options.when_stale = WhenStale::ask;
  TestGateway gateway(options);
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(eventually([&] { return gateway.allows("k1"); }));
  engine.fall_silent();
  ASSERT_TRUE(gateway.becomes(Coverage::stale));
  EXPECT_FALSE(gateway.check("k1"));
  for (int i = 1; i <= 3; ++i) {
    const int questions = engine.questions;
    const auto verdict = gateway.decide("k1");
    ASSERT_TRUE(verdict.decision);
    EXPECT_TRUE(verdict.stale);
    EXPECT_EQ(engine.questions, questions + 1);
  }
  EXPECT_TRUE(gateway.ask("k3").decision);
  engine.refuses_questions = true;
  EXPECT_FALSE(gateway.decide("k1").decision);
  engine.refuses_questions = engine.refuses_pages = engine.refuses_streams = false;
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_FALSE(gateway.is_cached("k3"));
}

TEST(GatewayWhenStale, ServesWhatItHasAndSaysSo) {
  ScriptedEngine engine;
  auto options = TestGateway::options(engine.port(), TestGateway::short_lease);
  options.when_stale = WhenStale::serve;
  TestGateway gateway(options);
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(eventually([&] { return gateway.allows("k1"); }));
  engine.fall_silent();
  engine.refuses_questions = true;
  ASSERT_TRUE(gateway.becomes(Coverage::stale));
  const auto cached = gateway.check("k1");
  ASSERT_TRUE(cached && cached->decision);
  EXPECT_TRUE(cached->stale);
  EXPECT_FALSE(gateway.decide("k2").decision);
  engine.refuses_questions = false;
  const auto asked = gateway.decide("k2");
  ASSERT_TRUE(asked.decision);
  EXPECT_TRUE(asked.stale);
}

TEST(Gateway, P5BoundedAStreamThatComesLaterThanTheLeaseKeepsNobodyFresh) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port(), TestGateway::short_lease));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(eventually([&] { return gateway.allows("k1"); }));
  engine.refuses_pages = true;
  engine.stream_delay_ms = 2 * TestGateway::short_lease.count();  // heartbeats still arrive
  EXPECT_TRUE(gateway.becomes(Coverage::stale));
  EXPECT_FALSE(gateway.decide("k1").decision);
  engine.stream_delay_ms = 0;
  engine.refuses_pages = false;
  EXPECT_TRUE(gateway.becomes(Coverage::fresh));
}

}  // namespace revoked::cache::gateway_stale_test
