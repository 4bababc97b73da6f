#include <gtest/gtest.h>

#include <future>

#include "tests/cache/edge/gateway_harness.hpp"
#include "tests/cache/edge/scripted_engine.hpp"

namespace revoked::cache::gateway_questions_test {

using test::eventually;
using test::ScriptedEngine;
using test::TestGateway;
using Coverage = Gateway::Coverage;
using State = Decision::State;
using namespace std::chrono_literals;

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

TEST(Gateway, TheEnginesClockDecidesAboutExpiry) {
  for (const std::int64_t ahead : {-3'600'000, 3'600'000}) {
    ScriptedEngine engine;
    engine.clock_ahead_ms = ahead;
    TestGateway gateway(TestGateway::options(engine.port()));
    ASSERT_TRUE(gateway.becomes(Coverage::fresh));
    const auto expires_in = [&](const std::string& key, std::int64_t ms) {
      engine.expires_in_ms = ms;
      return gateway.ask(key).decision.value().state;
    };
    const auto cached = [&](const std::string& key) {
      const auto verdict = gateway.check(key);
      return verdict && verdict->decision ? std::optional(verdict->decision->state) : std::nullopt;
    };
    EXPECT_EQ(expires_in("k1", 600'000), State::active) << ahead;
    expires_in("k2", 300);
    EXPECT_TRUE(eventually([&] { return cached("k2") == State::expired; })) << ahead;
    EXPECT_EQ(cached("k1"), State::active) << ahead;
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

// A gateway that knows that an event is missing returns answers without caching them.
struct RepairingGateway : testing::Test {
  void SetUp() override {
    ASSERT_TRUE(gateway.becomes(Coverage::fresh));
    engine.refuses_pages = true;
    engine.hides_messages = true;
    engine.revoke("other");
    ASSERT_TRUE(gateway.becomes(Coverage::repairing));
  }
  std::future<Gateway::Verdict> ask(const std::string& key) {
    const auto questions = gateway->status().questions;
    auto answer = std::async(std::launch::async, [this, key] { return gateway.ask(key); });
    EXPECT_TRUE(eventually([&] { return gateway->status().questions > questions; }));
    return answer;
  }
  // The engine has looked the key up, but holds its answer.
  std::future<Gateway::Verdict> ask_and_hold(const std::string& key) {
    engine.hold_answers(true);
    auto answer = ask(key);
    EXPECT_TRUE(eventually([&] { return engine.held == 1; }));
    return answer;
  }
  ScriptedEngine engine;
  TestGateway gateway{TestGateway::options(engine.port())};
};

TEST_F(RepairingGateway, DeniesInAnAnswerWhatWasRevokedSince) {
  auto answer = ask_and_hold("k1");
  engine.hides_messages = false;
  engine.revoke("k1");
  ASSERT_TRUE(eventually([&] { return gateway->status().invalidations >= 1; }));
  engine.hold_answers(false);
  const auto verdict = answer.get();
  EXPECT_EQ(gateway->status().coverage, Coverage::repairing);
  ASSERT_TRUE(verdict.decision);
  EXPECT_EQ(verdict.decision->state, State::revoked) << "after a second question";
}

TEST_F(RepairingGateway, SharesNoQuestionThatWasPutBeforeACheck) {
  auto before = ask_and_hold("k1");
  engine.revoke("k1");
  auto after = ask("k1");
  engine.hold_answers(false);
  const auto verdict = after.get();
  ASSERT_TRUE(verdict.decision);
  EXPECT_EQ(verdict.decision->state, State::revoked);
  EXPECT_TRUE(before.get().decision);
}

}  // namespace revoked::cache::gateway_questions_test
