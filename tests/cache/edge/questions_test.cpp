// Many concurrent questions: to an engine with high latency, for many peers, some of which have left.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "cache/edge/question_pace.hpp"
#include "tests/cache/edge/client_harness.hpp"
#include "tests/support/distance.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_engine.hpp"

namespace revoked::cache::questions_test {

using engine::errc;
using test::active_decision;
using test::Distance;
using test::eventually;
using test::FakeEngine;
using test::FakeRequest;
using test::TestClient;
using FakePeer = FakeEngine::Peer;
using namespace std::chrono_literals;

constexpr std::string_view revoked_decision =
    R"({"active":false,"state":"revoked","key_id":"k1","as_of":"3-8"})";
constexpr std::string_view unknown_decision = R"({"active":false,"state":"unknown","as_of":"3-7"})";

TEST(Questions, NobodyWaitsForTheQuestionsOfAnotherPeer) {
  FakeEngine engine([&](const FakeRequest& request, FakePeer& peer) {
    peer.answer_question(request, request.secret().starts_with("good") ? active_decision : unknown_decision);
  });
  Distance far(engine.port(), 25ms);
  TestClient client(far.port(), [](auto& options) {
    options.question_timeout = 2s;
    options.max_connections = 4;
  });
  constexpr int guesses = 100'000;
  const auto attacker = peer_of("192.0.2.7");
  std::atomic<int> answered{0};
  client.run([&] {
    for (int i = 0; i < guesses; ++i) {
      const auto secret = "guess " + std::to_string(i);
      client->ask(engine::sha256(secret), secret, [&](const auto&) { ++answered; }, {attacker, nullptr, {}});
    }
  });
  std::vector<TestClient::Answer> good;
  for (int i = 0; i < 24; ++i) {
    good.push_back(
        client.ask("good " + std::to_string(i), {peer_of("198.51.100." + std::to_string(i)), nullptr, {}}));
  }
  for (auto& answer : good) {
    const auto decision = answer.get();
    EXPECT_TRUE(decision) << decision.error().message();
  }
  EXPECT_TRUE(eventually([&] { return answered == guesses; })) << "each gets exactly one answer";
}

TEST(Questions, ArePipelinedToAnEngineFarAway) {
  FakeEngine engine(
      [&](const FakeRequest& request, FakePeer& peer) { peer.answer_question(request, active_decision); });
  Distance far(engine.port(), 25ms);
  TestClient client(far.port(), [](auto& options) {
    options.question_timeout = 20s;
    options.max_connections = 4;
    options.max_waiting = 10'000;
  });
  std::vector<TestClient::Answer> answers;
  // One at a time, four connections would answer 80 a second.
  for (int i = 0; i < 5000; ++i) answers.push_back(client.ask(std::to_string(i)));
  for (auto& answer : answers) ASSERT_TRUE(answer.get());
  EXPECT_EQ(engine.connections(), 4);
}

// An engine that holds its answers until released.
struct HeldEngine {
  void let() { go.set_value(); }
  bool has_asked(const std::string& secret) const {
    std::lock_guard lock(mutex);
    return std::count(asked.begin(), asked.end(), secret) != 0;
  }
  std::promise<void> go;
  std::shared_future<void> gone{go.get_future()};
  mutable std::mutex mutex;
  std::vector<std::string> asked;
  FakeEngine engine{[this](const FakeRequest& request, FakePeer& peer) {
    {
      std::lock_guard lock(mutex);
      asked.push_back(request.secret());
    }
    gone.wait();
    peer.answer_question(request, active_decision);
  }};
};

TEST(Questions, AreNotSentForThoseWhoHaveLeft) {
  HeldEngine held;
  TestClient client(held.engine.port(), [](auto& options) {
    options.max_connections = 1;
    options.question_timeout = 20s;
  });
  auto first = client.ask("first");
  ASSERT_TRUE(eventually([&] { return held.has_asked("first"); }));
  const auto left = std::make_shared<std::atomic<bool>>(false);
  auto alone = client.ask("left", {1, left, {}});
  auto shared = client.ask("shared", {1, left, {}});
  auto stays = client.ask("shared", {2, nullptr, {}});
  left->store(true);
  held.let();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(stays.get());
  EXPECT_TRUE(shared.get());
  EXPECT_FALSE(alone.get());
  EXPECT_FALSE(held.has_asked("left"));
}

TEST(Questions, AreNotSentOnceTheirTimeIsOver) {
  HeldEngine held;
  TestClient client(held.engine.port(), [](auto& options) {
    options.max_connections = 1;
    options.question_timeout = 1s;
  });
  std::vector<TestClient::Answer> answers;
  answers.push_back(client.ask("0"));
  ASSERT_TRUE(eventually([&] { return held.has_asked("0"); }));  // alone: the others are queued
  for (int i = 1; i < 20; ++i) answers.push_back(client.ask(std::to_string(i)));
  for (auto& answer : answers) EXPECT_EQ(answer.get().error(), errc::timed_out);
  held.let();
  EXPECT_TRUE(eventually([&] { return client.ask("later").get().has_value(); }));
  for (int i = 1; i < 20; ++i) EXPECT_FALSE(held.has_asked(std::to_string(i)));
}

TEST(Questions, OfThoseWhoComeLaterAreNotAnsweredWithAnEarlierAnswer) {
  std::promise<void> go;
  auto gone = go.get_future().share();
  std::atomic<int> asked{0};
  FakeEngine engine([&](const FakeRequest& request, FakePeer& peer) {
    const bool is_first = ++asked == 1;  // looked up before the revocation
    if (is_first) gone.wait();
    peer.answer_question(request, is_first ? active_decision : revoked_decision);
  });
  TestClient client(engine.port(), [](auto& options) { options.question_timeout = 20s; });
  auto before = client.ask("k1");
  ASSERT_TRUE(eventually([&] { return asked == 1; }));
  std::vector<TestClient::Answer> after;
  for (int i = 0; i < 10; ++i) after.push_back(client.ask("k1"));
  bool could_be_answered = false;
  auto not_sent = std::make_shared<std::promise<void>>();
  EngineClient::Asker asker;
  asker.answered = [&, not_sent] {
    could_be_answered = true;
    not_sent->set_value();
    return true;
  };
  auto never = client.ask("k1", std::move(asker));
  client.run([] {});
  go.set_value();
  EXPECT_EQ(before.get().value().state, Decision::State::active);
  for (auto& answer : after) EXPECT_EQ(answer.get().value().state, Decision::State::revoked);
  not_sent->get_future().wait();
  EXPECT_TRUE(could_be_answered);
  EXPECT_EQ(asked, 2) << "they share one question";
}

TEST(Questions, AreAskedAgainWhenTheConnectionEndsBehindAnyAnswer) {
  FakeEngine engine([&](const FakeRequest& request, FakePeer& peer) {
    thread_local int answers = 0;
    peer.answer_question(request, active_decision);
    if (++answers % 7 == 0) peer.close();
  });
  TestClient client(engine.port(), [](auto& options) {
    options.max_connections = 2;
    options.question_timeout = 20s;
  });
  std::vector<TestClient::Answer> answers;
  for (int i = 0; i < 200; ++i) answers.push_back(client.ask(std::to_string(i)));
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
}

TEST(Peer, IsAnAddressOrItsNetwork) {
  EXPECT_EQ(peer_of("192.0.2.1"), peer_of("::ffff:192.0.2.1"));
  EXPECT_NE(peer_of("192.0.2.1"), peer_of("192.0.2.2"));
  EXPECT_EQ(peer_of("2001:db8:1:2::1"), peer_of("2001:db8:1:2:ffff::7"));
  EXPECT_NE(peer_of("2001:db8:1:2::1"), peer_of("2001:db8:1:3::1"));
  EXPECT_EQ(peer_of("unix"), 0);
}

TEST(QuestionPace, PipelinesMoreWhileAnswersComeInTimeAndFewerWhenTheyDoNot) {
  QuestionPace pace(1s);
  for (int i = 0; i < 20; ++i) pace.answered(pace.depth(), 50ms);
  EXPECT_EQ(pace.depth(), QuestionPace::max_depth);
  EXPECT_NEAR(std::chrono::duration<double>(pace.expected()).count(), 0.05, 0.01);
  // An engine that answers 100 a second on one connection.
  for (int i = 0; i < 20; ++i) pace.answered(pace.depth(), 10ms * pace.depth());
  EXPECT_LE(pace.depth(), 32);
  EXPECT_GE(pace.depth(), 4);
  for (int i = 0; i < 100; ++i) pace.answered(1, 10s);
  EXPECT_EQ(pace.depth(), 1);
  EXPECT_LE(pace.expected(), 500ms) << "otherwise no question would ever be sent again";
}

TEST(QuestionPace, DoesNotTakeDistanceForSlowness) {
  QuestionPace pace(1s);
  for (int i = 0; i < 20; ++i) pace.answered(pace.depth(), 400ms);
  EXPECT_EQ(pace.depth(), QuestionPace::max_depth);
}

}  // namespace revoked::cache::questions_test
