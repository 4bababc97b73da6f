// Responses match their questions, whatever arrives on a connection.

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>

#include "tests/cache/edge/client_harness.hpp"
#include "tests/support/fake_engine.hpp"

namespace revoked::cache::engine_client_responses_test {

using namespace std::chrono_literals;
using engine::errc;
using test::FakeEngine;
using test::FakeRequest;
using test::TestClient;
using Peer = FakeEngine::Peer;

std::string decision_about(const FakeRequest& question) {
  const auto secret = question.secret();
  const bool active = !secret.starts_with("revoked");
  return std::string(R"({"active":)") + (active ? R"(true,"state":"active")" : R"(false,"state":"revoked")") +
         R"(,"key_id":")" + secret + R"(","as_of":"3-7"})";
}

// Between two responses, so that the client reads each by itself.
constexpr auto apart = 5ms;

TEST(EngineClientInStep, ReadsPastInterimAnswers) {
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    std::this_thread::sleep_for(apart);
    peer.send("HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n");
    std::this_thread::sleep_for(apart);
    peer.answer_question(request, decision_about(request));
  });
  TestClient client(engine.port());
  for (int i = 0; i < 10; ++i) {
    const std::string secret = (i % 2 == 0 ? "active" : "revoked") + std::to_string(i);
    const auto decision = client.ask(secret).get();
    ASSERT_TRUE(decision) << i << " " << decision.error().message();
    EXPECT_EQ(decision->key_id, secret);
  }
  EXPECT_EQ(engine.connections(), 1);
}

TEST(EngineClientInStep, TakesNeitherInterimAnswersWithoutEndNorAnotherProtocol) {
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    if (request.secret() == "upgrade") {
      peer.send("HTTP/1.1 101 Switching Protocols\r\n\r\n");
      return peer.answer_question(request, decision_about(request));
    }
    while (peer.send("HTTP/1.1 100 Continue\r\n\r\n")) continue;
  });
  TestClient client(engine.port());
  EXPECT_EQ(client.ask("endless").get().error(), errc::malformed);
  EXPECT_EQ(client.ask("upgrade").get().error(), errc::malformed);
}

TEST(EngineClientInStep, ReadsAPageBehindInterimAnswers) {
  FakeEngine engine([&](const FakeRequest&, Peer& peer) {
    peer.send("HTTP/1.1 103 Early Hints\r\n\r\n");
    std::this_thread::sleep_for(apart);
    peer.answer(200, R"({"position":"3-9","more":false,"messages":[]})");
  });
  TestClient client(engine.port());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.page(Position{3, 7}).get().value().page.position.sequence, 9);
}

// Unsolicited bytes on a kept connection.
class Unasked : public testing::TestWithParam<std::string> {};

TEST_P(Unasked, IsNoAnswerToTheNextQuestion) {
  std::promise<void> answer_read, sent;
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    peer.answer_question(request, decision_about(request));
    if (request.connection != 1 || request.secret() != "active") return;
    answer_read.get_future().wait();
    peer.send(GetParam().empty() ? Peer::format_answer(request, decision_about(request)) : GetParam());
    sent.set_value();
  });
  TestClient client(engine.port());
  EXPECT_EQ(client.ask("active").get().value().state, Decision::State::active);
  answer_read.set_value();
  sent.get_future().wait();
  for (const auto* secret : {"revoked1", "active2", "revoked3"}) {
    const auto decision = client.ask(secret).get();
    ASSERT_TRUE(decision) << secret << ": " << decision.error().message();
    EXPECT_EQ(decision->key_id, secret);
  }
  EXPECT_EQ(engine.connections(), 2);
}

INSTANTIATE_TEST_SUITE_P(EngineClientInStep, Unasked,
                         testing::Values("",  // the same response again
                                         "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
                                         "HTTP/1.1 100 Continue\r\n\r\n", "\r\n", "nonsense"));

TEST(EngineClientInStep, TakesNoAnswerThatIsAboutAnotherSecretOrAboutNone) {
  std::string answer;
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    if (request.secret() == "misled") return static_cast<void>(peer.send(answer));
    if (request.secret() == "unnamed") return peer.answer(200, decision_about(request));
    answer = Peer::format_answer(request, decision_about(request));
    peer.send(answer);
  });
  TestClient client(engine.port());
  ASSERT_TRUE(client.ask("active").get());
  EXPECT_EQ(client.ask("misled").get().error(), errc::malformed);
  EXPECT_EQ(client.ask("unnamed").get().error(), errc::malformed);
  EXPECT_EQ(client.ask("revoked").get().value().state, Decision::State::revoked);
  EXPECT_EQ(engine.connections(), 3) << "a connection with mismatched responses is closed";
}

}  // namespace revoked::cache::engine_client_responses_test
