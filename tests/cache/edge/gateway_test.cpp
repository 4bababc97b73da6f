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
  EXPECT_TRUE(eventually([&] { return gateway->status().since_heard < 600ms; }));
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
  EXPECT_EQ(gateway->status().since_heard, std::chrono::milliseconds::max());
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
  auto options = TestGateway::options(engine.port());
  options.follower.lease = 1min;  // no page is requested to extend it: that would fill the gap as well
  TestGateway gateway(options);
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

void fall_silent(ScriptedEngine& engine) {
  engine.refuses_pages = engine.refuses_streams = true;
  engine.cut_connections();
}

TEST(GatewayWhenStale, DeniesByDefault) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.allows("k1"));
  fall_silent(engine);
  ASSERT_TRUE(gateway.becomes(Coverage::stale));
  const int questions = engine.questions;
  const auto verdict = gateway.decide("k1");
  EXPECT_FALSE(verdict.decision);
  EXPECT_TRUE(verdict.stale);
  EXPECT_TRUE(gateway.ask("k1").stale);
  EXPECT_EQ(engine.questions, questions);
  engine.refuses_pages = engine.refuses_streams = false;
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.is_cached("k1"));
}

TEST(GatewayWhenStale, AsksTheEngineAndKeepsNothing) {
  ScriptedEngine engine;
  auto options = TestGateway::options(engine.port());
  options.when_stale = WhenStale::ask;
  TestGateway gateway(options);
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.allows("k1"));
  fall_silent(engine);
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
  auto options = TestGateway::options(engine.port());
  options.when_stale = WhenStale::serve;
  TestGateway gateway(options);
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.allows("k1"));
  fall_silent(engine);
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

TEST(Gateway, DoesNotTrustItsCacheWhileSomethingIsMissing) {
  ScriptedEngine engine;
  auto options = TestGateway::options(engine.port());
  options.follower.lease = 5s;
  TestGateway gateway(options);
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

TEST(Gateway, AsksAgainWhenARevocationOvertookTheAnswer) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  engine.hold_answers(true);
  auto asked = std::async(std::launch::async, [&] { return gateway.ask("k1"); });
  EXPECT_TRUE(eventually([&] { return engine.held == 1; }));
  engine.revoke("k1");
  EXPECT_TRUE(gateway.reaches(engine.position()));
  engine.hold_answers(false);
  const auto verdict = asked.get();
  ASSERT_TRUE(verdict.decision);
  EXPECT_EQ(verdict.decision->state, State::revoked);
  EXPECT_EQ(engine.questions, 2);
}

TEST(Gateway, P5BoundedAStreamThatComesLaterThanTheLeaseKeepsNobodyFresh) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  EXPECT_TRUE(gateway.allows("k1"));
  engine.refuses_pages = true;
  engine.stream_delay_ms = 1500;  // the lease is 600 ms; heartbeats still arrive
  EXPECT_TRUE(gateway.becomes(Coverage::stale));
  EXPECT_FALSE(gateway.decide("k1").decision);
  engine.stream_delay_ms = 0;
  engine.refuses_pages = false;
  EXPECT_TRUE(gateway.becomes(Coverage::fresh));
}

TEST(Gateway, TheEnginesClockDecidesAboutExpiry) {
  for (const std::int64_t ahead : {-3'600'000, 3'600'000}) {
    ScriptedEngine engine;
    engine.clock_ahead_ms = ahead;
    engine.expires_in_ms = 700;
    TestGateway gateway(TestGateway::options(engine.port()));
    ASSERT_TRUE(gateway.becomes(Coverage::fresh));
    EXPECT_TRUE(gateway.allows("k1"));
    const auto cached = gateway.check("k1");
    ASSERT_TRUE(cached && cached->decision);
    EXPECT_EQ(cached->decision->state, State::active) << ahead;
    EXPECT_TRUE(eventually([&] {
      const auto verdict = gateway.check("k1");
      return verdict && verdict->decision && verdict->decision->state == State::expired;
    })) << ahead;
  }
}

TEST(Gateway, NeverAllowsWhatHasExpiredOnItsWay) {
  ScriptedEngine engine;
  engine.expires_in_ms = 100;
  engine.question_delay_ms = 300;
  TestGateway gateway(TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  const auto verdict = gateway.ask("k1");
  ASSERT_TRUE(verdict.decision);
  EXPECT_EQ(verdict.decision->state, State::expired);
}

// A gateway that knows that an event is missing returns answers without caching them.
struct RepairingGateway : testing::Test {
  RepairingGateway() {
    auto options = TestGateway::options(engine.port());
    options.follower.lease = 60s;
    gateway.emplace(options);
  }
  void SetUp() override {
    ASSERT_TRUE(gateway->becomes(Coverage::fresh));
    engine.refuses_pages = true;
    engine.hides_messages = true;
    engine.revoke("other");
    ASSERT_TRUE(gateway->becomes(Coverage::repairing));
  }
  std::future<Gateway::Verdict> ask_slowly(const std::string& key) {
    engine.question_delay_ms = 300;
    const int asked = engine.questions;
    auto answer = std::async(std::launch::async, [this, key] { return gateway->ask(key); });
    EXPECT_TRUE(eventually([&] { return engine.questions > asked; }));
    std::this_thread::sleep_for(50ms);  // it has looked the key up
    return answer;
  }
  ScriptedEngine engine;
  std::optional<TestGateway> gateway;
};

TEST_F(RepairingGateway, DeniesInAnAnswerWhatItHasHeardSince) {
  auto answer = ask_slowly("k1");
  engine.hides_messages = false;
  engine.revoke("k1");
  ASSERT_TRUE(eventually([&] { return (*gateway)->status().invalidations >= 1; }));
  const auto verdict = answer.get();
  EXPECT_EQ((*gateway)->status().coverage, Coverage::repairing);
  ASSERT_TRUE(verdict.decision);
  EXPECT_EQ(verdict.decision->state, State::revoked) << "after a second question";
}

TEST_F(RepairingGateway, SharesNoQuestionThatWasPutBeforeACheck) {
  auto before = ask_slowly("k1");
  engine.revoke("k1");
  const auto after = gateway->ask("k1");
  ASSERT_TRUE(after.decision);
  EXPECT_EQ(after.decision->state, State::revoked);
  EXPECT_TRUE(before.get().decision);
}

TEST(Gateway, AsksNowAndThenAboutASecretThatIsTriedAgainAndAgain) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  engine.knows_no_keys = true;
  const auto from = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(gateway.decide("k1").decision->state, State::unknown);
  EXPECT_LE(engine.questions, 1 + (std::chrono::steady_clock::now() - from) / 100ms);
  engine.knows_no_keys = false;
  EXPECT_TRUE(eventually([&] { return gateway.allows("k1"); }, 5s));
}

TEST(Gateway, BelievesThatASecretIsUnknownNoLongerThanNothingHappens) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  for (int i = 0; i < 20; ++i) {
    const auto key = "k" + std::to_string(i);
    engine.knows_no_keys = true;
    EXPECT_FALSE(gateway.allows(key));
    engine.knows_no_keys = false;
    engine.revoke("anything");
    ASSERT_TRUE(gateway.reaches(engine.position()));
    EXPECT_TRUE(gateway.allows(key));
  }
}

TEST(Gateway, SaysWhatHappens) {
  ScriptedEngine engine;
  TestGateway gateway(TestGateway::options(engine.port()));
  ASSERT_TRUE(gateway.becomes(Coverage::fresh));
  fall_silent(engine);
  ASSERT_TRUE(gateway.becomes(Coverage::stale));
  const auto has = [&](const std::string& text) {
    const auto events = gateway.events();
    return std::count(events.begin(), events.end(), text);
  };
  EXPECT_TRUE(eventually([&] { return has("feed: status 503") > 0; }));
  EXPECT_EQ(has("feed: connected"), 1);
  EXPECT_EQ(has("feed: status 503"), 1);
  EXPECT_EQ(has("coverage: fresh"), 1);
  EXPECT_GE(has("coverage: stale"), 1);
  EXPECT_EQ(has("follower: restarts at 1-0"), 1);
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
    std::this_thread::sleep_for(2ms);
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
    std::this_thread::sleep_for(std::chrono::microseconds(300 * i));
    if (i % 3 == 0) gateway->ask(TestGateway::digest("k"), "k", [](Gateway::Verdict) {});
  }
}

}  // namespace revoked::cache::gateway_test
