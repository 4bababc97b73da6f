#include "cache/edge/gateway.hpp"

#include <gtest/gtest.h>

#include "tests/cache/edge/gateway_harness.hpp"
#include "tests/cache/edge/scripted_engine.hpp"

namespace revoked::cache::gateway_test {

using test::eventually;
using test::ScriptedEngine;
using test::TestGateway;
using Coverage = Gateway::Coverage;
using State = Decision::State;
using namespace std::chrono_literals;

TEST(Gateway, AnswersFromItsCacheUntilTheKeyIsRevoked) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.allows("k1"));
  EXPECT_TRUE(gateway.allows("k2"));
  const int questions = engine.questions;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(gateway.allows("k1"));
  EXPECT_EQ(engine.questions, questions);
  EXPECT_EQ(gateway->status().hits, 100);
  engine.revoke("k1");
  ASSERT_TRUE(eventually([&] { return !gateway.allows("k1"); }));
  EXPECT_EQ(gateway.decide("k1").decision->state, State::revoked);
  EXPECT_TRUE(gateway.is_cached("k2"));
  EXPECT_EQ(gateway->status().position, engine.position());
  EXPECT_EQ(gateway->status().invalidations, 1);
  EXPECT_TRUE(gateway->status().feed_connected);
  // No more than the slowest answer of a busy machine: proofs are dated by the best page so far.
  EXPECT_LT(gateway->status().since_proof, TestGateway::options(engine.port()).follower.lease);
}

TEST(Gateway, KnowsNothingWithoutAnEngine) {
  std::uint16_t port = 0;
  { port = ScriptedEngine().port(); }
  TestGateway gateway(TestGateway::options(port));
  const auto verdict = gateway.check("k1");
  ASSERT_TRUE(verdict);
  EXPECT_FALSE(verdict->decision);
  EXPECT_TRUE(verdict->stale);
  EXPECT_EQ(gateway->status().coverage, Coverage::stale);
  EXPECT_EQ(gateway->status().since_proof, std::chrono::milliseconds::max());
  ScriptedEngine engine(port);
  EXPECT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.allows("k1"));
}

TEST(Gateway, StartsWithoutWaitingForAHeartbeat) {
  ScriptedEngine engine;
  for (int i = 0; i < 5; ++i) engine.revoke("old");
  engine.hides_heartbeats = true;
  TestGateway gateway(TestGateway::options(engine.port()));
  EXPECT_TRUE(gateway.reaches({1, 5}));
  EXPECT_TRUE(gateway.becomes(Coverage::fresh));
}

TEST(Gateway, ReadsWhatTheStreamLeftOut) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.allows("k1"));
  engine.hides_messages = true;
  engine.revoke("k1");
  EXPECT_TRUE(eventually([&] { return gateway->status().position == engine.position(); }));
  EXPECT_FALSE(gateway.allows("k1"));
  EXPECT_GE(gateway->status().repairs, 1);
  EXPECT_EQ(gateway->status().flushes, 1) << "only the first";
}

TEST(Gateway, StartsAfreshBehindWhatItCannotRead) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.allows("k1"));
  EXPECT_TRUE(gateway.allows("k2"));
  for (const auto& unreadable :
       {std::string("{\"position\":"),
        std::string(engine::max_page_bytes + engine::max_page_frame_bytes + 1, ' ')}) {
    const auto flushes = gateway->status().flushes;
    engine.spoil_ranges(unreadable);
    engine.hides_messages = true;
    engine.revoke("k1");
    EXPECT_TRUE(eventually([&] { return gateway->status().flushes > flushes; }));
    EXPECT_TRUE(gateway.becomes(Coverage::fresh));
    EXPECT_FALSE(gateway.allows("k1"));
    EXPECT_TRUE(gateway.allows("k2"));
  }
}

TEST(Gateway, StartsAfreshWhenTheRangeIsGone) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.allows("k1"));
  EXPECT_TRUE(gateway.allows("k2"));
  engine.hides_messages = true;
  engine.forgets_ranges = true;
  engine.revoke("k1");
  EXPECT_TRUE(gateway.reaches(engine.position()));
  EXPECT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_GE(gateway->status().flushes, 2);
  EXPECT_FALSE(gateway.is_cached("k2"));
  EXPECT_FALSE(gateway.allows("k1"));
}

TEST(Gateway, FollowsTheEngineIntoItsNextEpochAndKeepsItsCache) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.allows("k1"));
  engine.restart();
  EXPECT_TRUE(gateway.reaches({2, 1}));
  EXPECT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.is_cached("k1"));
  EXPECT_TRUE(gateway.allows("k2"));
  EXPECT_TRUE(gateway.is_cached("k2")) << "answers of the new epoch are kept";
  engine.revoke("k1");
  EXPECT_TRUE(eventually([&] { return !gateway.allows("k1"); }));
}

TEST(Gateway, DoesNotTrustItsCacheWhileSomethingIsMissing) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.allows("k1"));
  engine.refuses_pages = true;
  engine.hides_messages = true;
  engine.revoke("other");
  ASSERT_TRUE(gateway.becomes(Coverage::repairing));
  EXPECT_FALSE(gateway.check("k1"));
  EXPECT_TRUE(gateway.allows("k1")) << "by asking";
  EXPECT_TRUE(gateway.allows("k2"));
  engine.refuses_pages = false;
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.is_cached("k1"));
  EXPECT_FALSE(gateway.is_cached("k2"));
}

TEST(Gateway, SaysWhatHappens) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port(), TestGateway::short_lease));
  const auto has = [&](const std::string& text) {
    const auto events = gateway.events();
    return std::count(events.begin(), events.end(), text);
  };
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  ASSERT_TRUE(eventually([&] { return has("feed: connected") == 1; }));
  engine.fall_silent();
  ASSERT_TRUE(gateway.becomes(Coverage::stale));
  EXPECT_TRUE(eventually([&] { return has("feed: status 503") > 0; }));
  EXPECT_EQ(has("feed: connected"), 1);
  EXPECT_EQ(has("feed: status 503"), 1);
  EXPECT_EQ(has("coverage: current"), 1);
  EXPECT_GE(has("coverage: stale"), 1);
  EXPECT_EQ(has("follower: restarts at 1-0"), 1);
}

TEST(Gateway, ReportsToItsEngineUntilItStops) {
  ScriptedEngine engine;
  std::optional<TestGateway> gateway(std::in_place, TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway->becomes(Coverage::fresh));
  EXPECT_TRUE(eventually([&] { return engine.last_report().coverage == Coverage::fresh; }));
  engine.revoke("k1");
  EXPECT_TRUE(eventually([&] { return engine.last_report().applied == engine.position(); }));
  EXPECT_EQ(engine.last_report().gateway, "edge-1");
  EXPECT_FALSE(engine.last_report().is_leaving);
  EXPECT_TRUE(eventually([&] {
    const auto events = gateway->events();
    return std::count(events.begin(), events.end(), "reports: accepted by the engine") == 1;
  }));
  gateway.reset();
  EXPECT_TRUE(engine.last_report().is_leaving);
}

TEST(Gateway, KeepsToADenialThatItCouldNotStore) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.allows("k1"));
  EXPECT_TRUE(gateway.allows("k2"));
  engine.hides_messages = engine.refuses_pages = true;
  engine.revoke("other");
  ASSERT_TRUE(gateway.becomes(Coverage::repairing));
  engine.set_state("k1", "revoked");  // its event has not arrived
  EXPECT_EQ(gateway.decide("k1").decision->state, State::revoked);
  engine.set_state("k2", "suspended");
  EXPECT_EQ(gateway.decide("k2").decision->state, State::suspended);
  engine.refuses_pages = false;
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_FALSE(gateway.allows("k1"));
  EXPECT_FALSE(gateway.allows("k2"));
}

TEST(Gateway, NeverAllowsARevokedKeyAgainUnderLoad) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  constexpr int keys = 200;
  std::array<std::atomic<bool>, keys> denied{};
  std::atomic<bool> stop{false};
  std::atomic<int> broken{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t)
    readers.emplace_back([&, t] {
      for (int i = t; !stop; i = (i * 7 + 1) % keys) {
        const bool was_denied = denied[i];
        const auto verdict = gateway.decide("k" + std::to_string(i));
        if (!verdict.decision) continue;
        if (verdict.decision->state == State::revoked) denied[i] = true;
        if (verdict.decision->state == State::active && was_denied) ++broken;
      }
    });
  for (int i = 0; i < keys; ++i) {
    engine.revoke("k" + std::to_string(i));
    if (i % 50 == 49) engine.cut_connections();
    engine.hides_messages = i % 30 > 20;
    std::this_thread::sleep_for(2ms);  // 500 revocations a second
  }
  engine.hides_messages = false;
  EXPECT_TRUE(gateway.reaches(engine.position()));
  EXPECT_TRUE(gateway.becomes(Coverage::fresh));
  for (int i = 0; i < keys; ++i) EXPECT_FALSE(gateway.allows("k" + std::to_string(i)));
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(broken, 0);
}

TEST(Gateway, CanBeStoppedAtAnyMoment) {
  ScriptedEngine engine;
  for (int i = 0; i < 30; ++i) {
    TestGateway gateway(TestGateway::options(engine.port()));
    std::this_thread::sleep_for(std::chrono::microseconds(300 * i));  // another moment each time
    if (i % 3 == 0) gateway->ask(TestGateway::digest("k"), "k", [](Gateway::Verdict) {});
  }
}

}  // namespace revoked::cache::gateway_test
