#include "cache/edge/engine_client.hpp"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/cache/edge/client_harness.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_engine.hpp"

namespace revoked::cache::engine_client_test {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using engine::errc;
using test::active_decision;
using test::eventually;
using test::FakeEngine;
using test::FakeRequest;
using test::TestClient;
using Peer = FakeEngine::Peer;

TEST(EngineClient, AsksAsTheContractSays) {
  FakeRequest seen;
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    seen = request;
    peer.answer_question(request, active_decision);
  });
  TestClient client(engine.port());
  const auto decision = client.ask("se\"cret").get().value();
  EXPECT_EQ(decision.state, Decision::State::active);
  EXPECT_EQ(decision.key_id, "k1");
  EXPECT_EQ(decision.as_of, (Position{3, 7}));
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/v1/keys/verify?echo=secret_sha256");
  EXPECT_EQ(seen.body, R"({"secret":"se\"cret"})");
  EXPECT_EQ(seen.headers["host"], "127.0.0.1:" + std::to_string(engine.port()));
  EXPECT_EQ(seen.headers["authorization"], "Bearer master");
}

TEST(EngineClient, PutsOneQuestionForAllWhoAskTheSameMeanwhile) {
  std::promise<void> go;
  auto gone = go.get_future().share();
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    gone.wait();
    peer.answer_question(request, active_decision);
  });
  TestClient client(engine.port());
  std::vector<std::future<engine::result<Decision>>> answers;
  answers.push_back(client.ask(1));
  EXPECT_TRUE(eventually([&] { return engine.requests() == 1; }));
  for (int i = 1; i < 100; ++i) answers.push_back(client.ask(1));
  answers.push_back(client.ask(2));
  client.run([] {});
  go.set_value();
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  EXPECT_EQ(engine.requests(), 3) << "the first, one for all later callers, and the other secret's";
}

TEST(EngineClient, KeepsItsConnection) {
  FakeEngine engine(
      [&](const FakeRequest& request, Peer& peer) { peer.answer_question(request, active_decision); });
  TestClient client(engine.port());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(client.ask(i).get());
  EXPECT_EQ(engine.connections(), 1);
  EXPECT_EQ(engine.requests(), 100);
}

TEST(EngineClient, BoundsItsConnections) {
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    EXPECT_TRUE(eventually([&] { return engine.connections() == 3; }));
    peer.answer_question(request, active_decision);
  });
  TestClient client(engine.port(), [](auto& options) { options.max_connections = 3; });
  std::vector<std::future<engine::result<Decision>>> answers;
  for (int i = 0; i < 200; ++i) answers.push_back(client.ask(i));
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  EXPECT_EQ(engine.connections(), 3);
}

TEST(EngineClient, RefusesMoreThanItsBound) {
  std::promise<void> go;
  auto gone = go.get_future().share();
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    gone.wait();
    peer.answer_question(request, active_decision);
  });
  TestClient client(engine.port(), [](auto& options) {
    options.max_connections = 1;
    options.max_waiting = 2;
    options.question_timeout = 10s;
  });
  std::vector<std::future<engine::result<Decision>>> answers;
  for (int i = 0; i < 4; ++i) answers.push_back(client.ask(i));
  EXPECT_EQ(answers[3].get().error(), errc::overloaded);
  go.set_value();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(answers[i].get());
}

TEST(EngineClient, GivesUpInTimeAlsoWithWhatWaits) {
  FakeEngine engine([&](const FakeRequest&, Peer& peer) { peer.wait_until_closed(); });
  TestClient client(engine.port(), [](auto& options) {
    options.max_connections = 1;
    options.question_timeout = 200ms;
  });
  const auto from = Clock::now();
  std::vector<std::future<engine::result<Decision>>> answers;
  constexpr int count = 100;
  for (int i = 0; i < count; ++i) answers.push_back(client.ask(i));
  for (auto& answer : answers) EXPECT_EQ(answer.get().error(), errc::timed_out);
  EXPECT_GE(Clock::now() - from, 200ms);
  EXPECT_LT(Clock::now() - from, count * 200ms / 2) << "one after the other";
}

TEST(EngineClient, AsksAgainWhenAKeptConnectionWasClosed) {
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    peer.answer_question(request, active_decision);
    peer.close();
  });
  TestClient client(engine.port());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(client.ask(i).get()) << i;
  EXPECT_EQ(engine.connections(), 10);
}

TEST(EngineClient, AsksAgainOnceOnly) {
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    if (request.body.find("first") != request.body.npos)
      return peer.answer_question(request, active_decision);
    peer.close();
  });
  TestClient client(engine.port());
  ASSERT_TRUE(client.ask("first").get());
  EXPECT_EQ(client.ask("second").get().error(), errc::unavailable);
  EXPECT_EQ(engine.requests(), 3);
}

TEST(EngineClient, TellsErrorsApart) {
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    const auto number = request.secret();
    if (number == "bad") return static_cast<void>(peer.send("nonsense\r\n\r\n"));
    if (number == "big") return peer.answer(200, std::string(1 << 20, ' '));
    if (number == "odd") return peer.answer(200, "{}");
    peer.answer(std::stoi(number), "{}");
  });
  TestClient client(engine.port());
  EXPECT_EQ(client.ask("401").get().error(), errc::refused);
  EXPECT_EQ(client.ask("403").get().error(), errc::refused);
  EXPECT_EQ(client.ask("503").get().error(), errc::unavailable);
  EXPECT_EQ(client.ask("429").get().error(), errc::overloaded);
  EXPECT_EQ(client.ask("400").get().error(), errc::malformed);
  EXPECT_EQ(client.ask("bad").get().error(), errc::malformed);
  EXPECT_EQ(client.ask("big").get().error(), errc::malformed);
  EXPECT_EQ(client.ask("odd").get().error(), errc::malformed);
}

TEST(EngineClient, DoesNotTakeStrayBytesForAnAnswer) {
  FakeEngine engine([&](const FakeRequest&, Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: " +
              std::to_string(active_decision.size()) + "\r\n\r\n" + std::string(active_decision));
  });
  TestClient client(engine.port());
  EXPECT_EQ(client.ask(1).get().error(), errc::malformed);
  EXPECT_EQ(client.ask(2).get().error(), errc::malformed);
}

TEST(EngineClient, KnowsNoSecretThatIsNotText) {
  FakeEngine engine(
      [&](const FakeRequest& request, Peer& peer) { peer.answer_question(request, active_decision); });
  TestClient client(engine.port());
  EXPECT_EQ(client.ask("\xff\xfe").get().value().state, Decision::State::unknown);
  EXPECT_EQ(engine.requests(), 0);
}

TEST(EngineClient, FindsTheEngineByName) {
  FakeEngine engine(
      [&](const FakeRequest& request, Peer& peer) { peer.answer_question(request, active_decision); });
  TestClient client(engine.port(), [](auto& options) { options.addresses[0].host = "localhost"; });
  EXPECT_TRUE(client.ask(1).get());
  TestClient lost(engine.port(), [](auto& options) { options.addresses[0].host = "no-such-host.invalid"; });
  EXPECT_FALSE(lost.ask(1).get());
}

TEST(EngineClient, RefusesACredentialThatWouldBreakTheRequest) {
  asio::io_context io;
  EngineClient::Options options;
  options.addresses = {{"127.0.0.1", 1}};
  options.credential = "a\r\nX: y";
  EXPECT_THROW(EngineClient(io, options), std::invalid_argument);
}

TEST(EngineClient, TellsEveryoneWhenStopped) {
  FakeEngine engine([&](const FakeRequest&, Peer& peer) { peer.wait_until_closed(); });
  TestClient client(engine.port(), [](auto& options) {
    options.max_connections = 2;
    options.question_timeout = 20s;
  });
  std::vector<std::future<engine::result<Decision>>> answers;
  for (int i = 0; i < 10; ++i) answers.push_back(client.ask(i % 5));
  auto page = client.page(Position{1, 1});
  EXPECT_TRUE(eventually([&] { return engine.requests() == 3; })) << "two questions and the page";
  client.run([&] { client->stop(); });
  for (auto& answer : answers) EXPECT_EQ(answer.get().error(), errc::not_ready);
  EXPECT_EQ(page.get().error(), errc::not_ready);
  EXPECT_EQ(client.ask(9).get().error(), errc::not_ready);
}

TEST(EngineClient, CanBeStoppedAtAnyMoment) {
  FakeEngine engine(
      [&](const FakeRequest& request, Peer& peer) { peer.answer_question(request, active_decision); });
  for (int i = 0; i < 60; ++i) {
    TestClient client(engine.port());
    if (i % 2)
      client.run([&] {
        client->start_stream({[] { return std::nullopt; }, [](auto) {}, [](auto) {}, [](bool, auto) {}});
      });
    auto answer = client.ask(1);
    std::this_thread::sleep_for(std::chrono::microseconds(20 * i));  // another moment each time
    client.run([&] { client->stop(); });
    answer.get();
  }
}

TEST(EngineClient, MayGoWithItsLoopUnfinished) {
  FakeEngine engine([&](const FakeRequest&, Peer& peer) { peer.wait_until_closed(); });
  asio::io_context io{1};
  EngineClient::Options options;
  options.addresses = {{"localhost", engine.port()}};
  EngineClient client(io, options);
  client.start_stream({[] { return std::nullopt; }, [](auto) {}, [](auto) {}, [](bool, auto) {}});
  client.ask(engine::sha256("x"), "x", [](const auto&) {});
  EXPECT_TRUE(eventually([&] {
    io.run_for(1ms);
    return engine.requests() == 2;
  }));
}

}  // namespace revoked::cache::engine_client_test
