// Pages of the feed, as an EngineClient reads them.

#include <gtest/gtest.h>

#include <future>
#include <string>

#include "tests/cache/edge/client_harness.hpp"
#include "tests/support/fake_engine.hpp"

namespace revoked::cache::engine_client_pages_test {

using namespace std::chrono_literals;
using engine::errc;
using test::active_decision;
using test::FakeEngine;
using test::FakeRequest;
using test::TestClient;
using Peer = FakeEngine::Peer;

TEST(EngineClient, ReadsPages) {
  FakeRequest seen;
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    seen = request;
    peer.answer(200, R"({"position":"3-9","more":true,"messages":[
        {"epoch":3,"first":8,"last":9,"at":"2026-01-02T03:04:05.678Z","events":[]}]})");
  });
  TestClient client(engine.port());
  const auto answer = client.page(Position{3, 7}).get().value();
  EXPECT_FALSE(answer.gone);
  EXPECT_EQ(answer.page.position, (Position{3, 9}));
  EXPECT_TRUE(answer.page.more);
  ASSERT_EQ(answer.page.messages.size(), 1);
  EXPECT_EQ(seen.method, "GET");
  EXPECT_EQ(seen.target, "/v1/invalidations?after=3-7&limit=1000");
  EXPECT_TRUE(client.page({}).get());
  EXPECT_EQ(seen.target, "/v1/invalidations?limit=1000");
}

TEST(EngineClient, LearnsThatARangeIsGone) {
  std::string body = R"({"type":"about:blank","code":"position_gone","position":"4-100"})";
  FakeEngine engine(
      [&](const FakeRequest&, Peer& peer) { peer.answer(410, body, "application/problem+json"); });
  TestClient client(engine.port());
  const auto answer = client.page(Position{3, 7}).get().value();
  EXPECT_TRUE(answer.gone);
  EXPECT_EQ(answer.page.position, (Position{4, 100}));
  for (const auto* broken : {"", "{}", "[]", R"({"position":7})", R"({"position":"x"})"}) {
    body = broken;
    EXPECT_EQ(client.page(Position{3, 7}).get().error(), errc::malformed) << broken;
  }
}

TEST(EngineClient, ReadsPagesWhileQuestionsWait) {
  std::promise<void> go;
  auto gone = go.get_future().share();
  FakeEngine engine([&](const FakeRequest& request, Peer& peer) {
    if (request.method == "GET") return peer.answer(410, R"({"position":"1-1"})");
    gone.wait();
    peer.answer_question(request, active_decision);
  });
  TestClient client(engine.port(), [](auto& options) {
    options.max_connections = 1;
    options.question_timeout = 20s;
  });
  auto first = client.ask(1);
  auto second = client.ask(2);
  EXPECT_TRUE(client.page({}).get());
  go.set_value();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
}

}  // namespace revoked::cache::engine_client_pages_test
