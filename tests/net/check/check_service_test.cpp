// The HTTP side of a gateway, over a gateway with a scripted engine.

#include "net/check/check_service.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>

#include "cache/bus/message_encoder.hpp"
#include "cache/bus/usage.hpp"
#include "engine/model/secret.hpp"
#include "tests/cache/edge/gateway_harness.hpp"
#include "tests/net/http/raw_client.hpp"
#include "tests/net/http/test_service.hpp"
#include "tests/support/fake_engine.hpp"
#include "tests/support/metrics.hpp"

namespace revoked::net::check_service_test {

using namespace std::chrono_literals;
using cache::Gateway;
using cache::WhenStale;
using revoked::test::eventually;
using revoked::test::FakeEngine;
using revoked::test::FakeRequest;
using revoked::test::Headers;
using revoked::test::HttpClient;
using revoked::test::HttpResponse;
using revoked::test::TestGateway;

// An engine at position 1-1 whose keys have the state in their name.
class NamedKeys {
 public:
  NamedKeys()
      : engine_([this](const FakeRequest& request, FakeEngine::Peer& peer) { serve(request, peer); }) {}
  ~NamedKeys() { stopping_ = true; }

  std::uint16_t port() const { return engine_.port(); }
  std::atomic<bool> is_away{false};
  std::atomic<int> questions{0};
  // Of usage, in all.
  std::string usage() const {
    const std::lock_guard lock(mutex_);
    return usage_;
  }
  std::string traceparent() const {
    const std::lock_guard lock(mutex_);
    return traceparent_;
  }

 private:
  void serve(const FakeRequest& request, FakeEngine::Peer& peer) {
    if (is_away) return peer.close();
    if (request.target == "/v1/gateways/report") {
      const std::lock_guard lock(mutex_);
      if (cache::may_be_usage(request.body)) usage_ += request.body;
      return peer.answer(200, "{}");
    }
    if (request.method == "POST") return verify(request, peer);
    const auto accept = request.headers.find("accept");
    if (accept == request.headers.end() || accept->second != "text/event-stream") {
      return peer.answer(200, R"({"journal":"j1","position":"1-1","more":false,"messages":[]})");
    }
    peer.open_event_stream();
    while (!stopping_ && !is_away && peer.is_open()) {
      peer.send_event(cache::encode_heartbeat(1, 1, cache::stamp_at("j1", engine::BootClock::now())));
      std::this_thread::sleep_for(20ms);  // a rate, not a wait: of heartbeats
    }
    peer.close();
  }

  void verify(const FakeRequest& request, FakeEngine::Peer& peer) {
    ++questions;
    {
      const std::lock_guard lock(mutex_);
      const auto header = request.headers.find("traceparent");
      traceparent_ = header == request.headers.end() ? "" : header->second;
    }
    const auto secret = request.secret().substr(std::string_view("the-").size());
    if (secret == "fails") return peer.answer(500, "{}");
    std::string body =
        "{\"active\":" + std::string(secret == "active" ? "true" : "false") + ",\"state\":\"" + secret + "\"";
    if (secret == "active-odd") {
      return peer.answer_question(request, R"({"active":true,"state":"active","key_id":"k1",)"
                                           R"("user":"Zoë","workspace":"50% \"ours\"",)"
                                           R"("permissions":["50%","Zoë"],"as_of":"1-1","journal":"j1"})");
    }
    if (secret != "unknown") {
      body += R"(,"key_id":"k1","user":"ann","workspace":"acme","permissions":["a","b:c"])";
    }
    peer.answer_question(request, body + R"(,"as_of":"1-1","journal":"j1"})");
  }

  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::string usage_;
  std::string traceparent_;  // of the last question
  FakeEngine engine_;
};

struct ServedGateway {
  explicit ServedGateway(std::uint16_t engine_port, CheckOptions checks = {})
      : ServedGateway(TestGateway::options(engine_port), WhenStale::deny, std::move(checks)) {}
  ServedGateway(const Gateway::Options& options, WhenStale when_stale, CheckOptions checks = {})
      : gateway(with(options, when_stale)),
        service(*gateway.operator->(), std::make_shared<engine::Metrics>(), std::move(checks)),
        server(test::loopback(), service, nullptr) {}

  static Gateway::Options with(Gateway::Options options, WhenStale when_stale) {
    options.when_stale = when_stale;
    return options;
  }

  HttpResponse check(const Headers& headers, std::string_view method = "GET",
                     std::string_view path = "/check") {
    return HttpClient(server.port()).request(method, path, headers);
  }
  HttpResponse check(const std::string& secret) { return check({{"Authorization", "Bearer the-" + secret}}); }

  TestGateway gateway;
  CheckService service;
  Server server;
};

class CheckServiceTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(served.gateway.becomes(Gateway::Coverage::fresh)); }
  NamedKeys engine;
  ServedGateway served{engine.port()};
};

TEST_F(CheckServiceTest, AllowsAnActiveKeyAndSaysWhoseItIs) {
  for (int i = 0; i < 3; ++i) {
    const auto answer = served.check("active");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("X-Key-Id"), "k1");
    EXPECT_EQ(answer.header("X-User-Id"), "ann");
    EXPECT_EQ(answer.header("X-Workspace-Id"), "acme");
    // Present and empty: else a proxy would pass on a value forged by the client.
    EXPECT_THAT(answer.headers, testing::Contains(testing::Pair("X-Application-Id", "")));
    EXPECT_EQ(answer.header("X-Key-Permissions"), "a b:c");
    EXPECT_EQ(answer.header("X-Revoked-Reason"), "");
    EXPECT_EQ(answer.header("X-Revoked-Stale"), "");
    EXPECT_EQ(answer.body, "");
  }
  EXPECT_EQ(engine.questions, 1) << "the second and third from the cache";
}

TEST_F(CheckServiceTest, DeniedAttemptsAreReportedWithTheNetworkThatTheProxyStates) {
  const auto ask_as = [&](const std::string& state, const Headers& more) {
    auto headers = more;
    headers.emplace_back("Authorization", "Bearer the-" + state);
    return served.check(headers).status;
  };
  EXPECT_EQ(ask_as("active", {}), 200);
  EXPECT_EQ(ask_as("unknown", {}), 401);
  EXPECT_EQ(ask_as("suspended", {{"X-Forwarded-For", "a, b"}}), 403);
  EXPECT_TRUE(eventually([&] {
    return engine.usage().find(R"("address":"127.0.0.0/24")") != std::string::npos;
  })) << "no address: that of the connection. "
      << engine.usage();
  EXPECT_EQ(
      ask_as("revoked", {{"X-Forwarded-For", "192.0.2.1"}, {"X-Forwarded-For", "192.0.2.2,  2001:db8::7"}}),
      403);
  EXPECT_EQ(ask_as("revoked", {{"X-Forwarded-For", "192.0.2.1, 2001:db8::8"}}), 403);
  EXPECT_TRUE(eventually([&] {
    return engine.usage().find(R"("address":"2001:db8::/48")") != std::string::npos;
  })) << engine.usage();
  EXPECT_EQ(engine.usage().find("192.0.2"), std::string::npos);
}

TEST_F(CheckServiceTest, SaysInVisibleAsciiWhoseItIs) {
  const auto answer = served.check("active-odd");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("X-User-Id"), "Zo%C3%AB");
  EXPECT_EQ(answer.header("X-Workspace-Id"), "50%25%20\"ours\"");
  EXPECT_EQ(answer.header("X-Key-Permissions"), "50%25 Zo%C3%AB");
}

TEST_F(CheckServiceTest, PassesTheTraceOnToTheEngineWithASpanOfItsOwn) {
  const std::string trace = "0af7651916cd43dd8448eb211c80319c";
  const auto passed = [&](const std::string& state, const std::string& traceparent) {
    served.check({{"Authorization", "Bearer the-" + state}, {"traceparent", traceparent}});
    return engine.traceparent();
  };
  const auto sampled = passed("active", "00-" + trace + "-b7ad6b7169203331-01");
  EXPECT_THAT(sampled, testing::MatchesRegex("00-" + trace + "-[0-9a-f]{16}-01"));
  EXPECT_EQ(sampled.find("b7ad6b7169203331"), std::string::npos);
  EXPECT_THAT(passed("revoked", "cc-" + trace + "-b7ad6b7169203331-fc-more"),
              testing::MatchesRegex("00-" + trace + "-[0-9a-f]{16}-00"));
  EXPECT_EQ(passed("expired", "00-" + trace + "-b7ad6b7169203331"), "") << "not valid";
  served.check("suspended");
  EXPECT_EQ(engine.questions, 4);
  EXPECT_EQ(engine.traceparent(), "") << "none";
}

// A proxy forwards heads, with or without the bodies: both are answered, and nothing after the head is taken
// for a request.
TEST_F(CheckServiceTest, AnswersFromTheHeadAloneWhateverBodyIsAnnounced) {
  const std::string follow_up = "GET /check HTTP/1.1\r\nHost: a\r\nX-API-Key: the-active\r\n\r\n";
  const std::string announcements[] = {"Content-Length: 3000000\r\n",
                                       "Content-Length: 3000000\r\nExpect: 100-continue\r\n",
                                       "Content-Length: 18446744073709551615\r\n",
                                       "Content-Length: 1\r\n",
                                       "Transfer-Encoding: chunked\r\n",
                                       "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"};
  for (const auto* secret : {"active", "unknown", "fails"}) {
    for (const auto& announced : announcements) {
      test::RawClient client(served.server.port());
      const std::string head =
          "POST /check HTTP/1.1\r\nHost: a\r\nX-API-Key: the-" + std::string(secret) + "\r\n";
      client.send(head + announced + "\r\n" + follow_up);
      const auto answer = client.read_to_end();
      const auto status = secret == std::string("active")  ? "200"
                          : secret == std::string("fails") ? "503"
                                                           : "401";
      EXPECT_TRUE(answer.starts_with(std::string("HTTP/1.1 ") + status)) << announced << answer;
      EXPECT_EQ(test::count(answer, "HTTP/1.1 "), 1) << announced << answer;
      EXPECT_EQ(test::count(answer, "Connection: close\r\n"), 1) << answer;
      EXPECT_TRUE(client.was_closed());
    }
  }
}

TEST_F(CheckServiceTest, KeepsTheConnectionWhereNoBodyIsAnnounced) {
  HttpClient client(served.server.port());
  for (const auto* headers : {"", "Content-Length: 0\r\n"}) {
    client.send("POST /check HTTP/1.1\r\nHost: a\r\nX-API-Key: the-active\r\n" + std::string(headers) +
                "\r\n");
    const auto answer = client.receive();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("Connection"), "");
  }
}

TEST_F(CheckServiceTest, AnswersAClientThatSendsItsWholeBody) {
  test::RawClient client(served.server.port());
  client.send("PUT /check HTTP/1.1\r\nHost: a\r\nX-API-Key: the-active\r\nContent-Length: 3000000\r\n\r\n" +
              std::string(3'000'000, 'x'));
  EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 200 OK"));
}

TEST_F(CheckServiceTest, TellsInItsMetricsWhatItDid) {
  for (int i = 0; i < 3; ++i) served.check("active");
  served.check("revoked");
  HttpClient client(served.server.port());
  const auto metrics = revoked::test::MetricsText::of(client);
  EXPECT_EQ(metrics["revoked_ready"], 1);
  EXPECT_EQ(metrics["revoked_gateway_coverage{state=\"current\"}"], 1);
  EXPECT_EQ(metrics["revoked_gateway_coverage{state=\"stale\"}"], 0);
  EXPECT_EQ(metrics["revoked_gateway_position_sequence"], 1);
  EXPECT_EQ(metrics["revoked_cache_hits_total"], 2);
  EXPECT_EQ(metrics["revoked_cache_misses_total"], 2);
  EXPECT_EQ(metrics["revoked_questions_total"], 2);
  EXPECT_GT(metrics["revoked_bus_messages_total{kind=\"heartbeat\"}"], 0);
  EXPECT_EQ(client.request("POST", "/metrics").status, 405);
}

TEST_F(CheckServiceTest, DeniesEverythingElse) {
  const std::tuple<std::string, int> cases[] = {
      {"revoked", 403}, {"expired", 403}, {"suspended", 403}, {"locked", 403}, {"unknown", 401}};
  for (const auto& [secret, status] : cases) {
    const auto answer = served.check(secret);
    EXPECT_EQ(answer.status, status) << secret;
    EXPECT_EQ(answer.header("X-Revoked-Reason"), secret);
    EXPECT_EQ(answer.header("WWW-Authenticate").empty(), status != 401);
    EXPECT_EQ(answer.header("X-Key-Id"), "");
    EXPECT_EQ(answer.body, "");
  }
}

TEST_F(CheckServiceTest, DeniesWithoutAKey) {
  for (const auto& headers :
       {Headers{}, Headers{{"Authorization", "Basic dTpw"}}, Headers{{"X-API-Key", ""}}}) {
    const auto answer = served.check(headers);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.header("X-Revoked-Reason"), "missing");
    EXPECT_FALSE(answer.header("WWW-Authenticate").empty());
  }
  const auto large = served.check(std::string(engine::max_secret_size + 1, 'a'));
  EXPECT_EQ(large.status, 401);
  EXPECT_EQ(large.header("X-Revoked-Reason"), "unknown");
  EXPECT_EQ(engine.questions, 0) << "the engine is not asked about an invalid secret";
}

TEST_F(CheckServiceTest, TakesTheKeyFromEitherHeader) {
  EXPECT_EQ(served.check({{"X-API-Key", "the-active"}}).status, 200);
  EXPECT_EQ(served.check({{"Authorization", "bearer the-active"}}).status, 200);
}

const Headers preflight{{"Origin", "https://example.com"}, {"Access-Control-Request-Method", "PUT"}};

TEST_F(CheckServiceTest, DeniesAPreflightUnlessToldToAllowIt) {
  EXPECT_EQ(served.check(preflight, "OPTIONS").status, 401);
  CheckOptions allowing;
  allowing.allows_preflight = true;
  ServedGateway allows(engine.port(), allowing);
  const auto passed = allows.check(preflight, "OPTIONS", "/check/any/path");
  EXPECT_EQ(passed.status, 200);
  for (const auto* name :
       {"X-Key-Id", "X-User-Id", "X-Application-Id", "X-Workspace-Id", "X-Key-Permissions"}) {
    const auto has_name = [&](const auto& header) { return header.first == name; };
    EXPECT_TRUE(std::ranges::any_of(passed.headers, has_name))
        << name << ": the proxy overwrites the client's";
    EXPECT_EQ(passed.header(name), "");
  }
  EXPECT_EQ(allows.check(preflight, "GET").status, 401);
  for (const auto& header : preflight) EXPECT_EQ(allows.check({header}, "OPTIONS").status, 401);
  auto stated = preflight;
  stated.emplace_back("X-Forwarded-Method", "OPTIONS");
  EXPECT_EQ(allows.check(stated, "GET").status, 401) << "the client could have stated it";
  auto with_key = preflight;
  with_key.emplace_back("X-API-Key", "the-revoked");
  ASSERT_TRUE(allows.gateway.becomes(Gateway::Coverage::fresh));
  EXPECT_EQ(allows.check(with_key, "OPTIONS").status, 403);
}

TEST_F(CheckServiceTest, BelievesTheMethodThatTheProxyStates) {
  CheckOptions allowing;
  allowing.allows_preflight = true;
  allowing.method_header = "X-Forwarded-Method";
  ServedGateway allows(engine.port(), allowing);
  auto stated = preflight;
  stated.emplace_back("x-forwarded-method", "OPTIONS");
  EXPECT_EQ(allows.check(stated, "GET").status, 200);
  EXPECT_EQ(allows.check(preflight, "OPTIONS").status, 401) << "the proxy states none";
  stated.emplace_back("X-Forwarded-Method", "GET");
  EXPECT_EQ(allows.check(stated, "GET").status, 401) << "the client's own, and the proxy's";
}

TEST_F(CheckServiceTest, RefusesTwoKeysInOnePlace) {
  CheckOptions options;
  options.credential = CredentialPlaces("header:X-Key");
  ServedGateway other(engine.port(), options);
  ASSERT_TRUE(other.gateway.becomes(Gateway::Coverage::fresh));
  EXPECT_EQ(other.check({{"X-Key", "the-active"}, {"x-key", "the-active"}}).status, 200);
  const auto refused = other.check({{"X-Key", "the-active"}, {"x-key", "the-revoked"}});
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.header("X-Revoked-Reason"), "malformed");
  EXPECT_EQ(refused.json()["code"].text(), "ambiguous_credential");
}

TEST_F(CheckServiceTest, AnswersEveryMethodOnEveryPathBelow) {
  for (const auto* method : {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW"}) {
    EXPECT_EQ(served.check({{"X-API-Key", "the-active"}}, method, "/check/any/path?x=y").status, 200)
        << method;
    EXPECT_EQ(served.check({}, method).status, 401) << method;
  }
  EXPECT_EQ(served.check({{"X-API-Key", "the-active"}}, "GET", "/checks").status, 404);
}

// RFC 9110, 9.1 and 9.3.6 to 9.3.8.
TEST_F(CheckServiceTest, AllowsNoMethodThatIsAboutTheWay) {
  const std::string anything = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
  for (const auto* method : {"TRACE", "CONNECT"}) {
    const auto check = served.check({{"X-API-Key", "the-active"}}, method, "/check/path");
    EXPECT_EQ(check.status, 405) << method;
    EXPECT_EQ(check.header("Allow"), anything);
    EXPECT_EQ(served.check({}, method, "/nowhere").status, 404);
  }
  EXPECT_EQ(engine.questions, 0);
  const auto options = served.check({}, "OPTIONS", "*");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("Allow"), anything);
}

TEST_F(CheckServiceTest, HealthIsOnlyThereToBeSeen) {
  for (const auto* path : {"/livez", "/readyz", "/healthz"}) {
    for (const auto* method : {"POST", "PUT", "DELETE", "TRACE", "CONNECT"}) {
      const auto refused = served.check({}, method, path);
      EXPECT_EQ(refused.status, 405) << method << path;
      EXPECT_EQ(refused.header("Allow"), "GET, HEAD, OPTIONS");
    }
    EXPECT_EQ(served.check({}, "BREW", path).status, 501);
    EXPECT_EQ(served.check({}, "OPTIONS", path).status, 204);
    EXPECT_EQ(served.check({}, "HEAD", path).status, 200);
  }
}

TEST_F(CheckServiceTest, IsUnavailableWithoutAnAnswer) {
  const auto answer = served.check("fails");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("X-Revoked-Reason"), "unavailable");
  EXPECT_EQ(answer.header("Retry-After"), "1");
}

TEST_F(CheckServiceTest, AnswersAPipelineOfQuestionsInOrder) {
  HttpClient client(served.server.port());
  std::string pipeline;
  const std::pair<std::string, int> order[] = {
      {"active", 200}, {"unknown", 401}, {"revoked", 403}, {"fails", 503}, {"active", 200}};
  for (const auto& [secret, status] : order)
    pipeline += client.format("GET", "/check", {{"X-API-Key", "the-" + secret}});
  client.send(pipeline);
  for (const auto& [secret, status] : order) EXPECT_EQ(client.receive().status, status) << secret;
}

TEST_F(CheckServiceTest, IsReadyWhileItFollowsTheEngine) {
  HttpClient client(served.server.port());
  EXPECT_EQ(client.get("/livez").status, 200);
  const auto ready = client.get("/readyz");
  EXPECT_EQ(ready.status, 200);
  EXPECT_EQ(ready.json()["status"].text(), "ready");
  EXPECT_EQ(ready.json()["when_stale"].text(), "deny");
  EXPECT_EQ(ready.json()["position"].text(), "1-1");
  const auto health = client.get("/healthz").json();
  EXPECT_TRUE(health["feed_connected"].is_true());
  EXPECT_EQ(health["engine"].text(), "http://127.0.0.1:" + std::to_string(engine.port()));
  EXPECT_EQ(health["engine_changes"].number(), 0);
  EXPECT_EQ(client.get("/").status, 404);
}

TEST(CheckService, DeniesEverythingOnceStale) {
  NamedKeys engine;
  ServedGateway served(TestGateway::options(engine.port(), TestGateway::short_lease), WhenStale::deny);
  ASSERT_TRUE(served.gateway.becomes(Gateway::Coverage::fresh));
  EXPECT_TRUE(eventually([&] { return served.check("active").status == 200; }));
  engine.is_away = true;
  ASSERT_TRUE(served.gateway.becomes(Gateway::Coverage::stale));
  const auto answer = served.check("active");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("X-Revoked-Reason"), "stale");
  EXPECT_EQ(answer.header("X-Revoked-Stale"), "true");
  EXPECT_EQ(answer.header("Retry-After"), "1");
  HttpClient client(served.server.port());
  EXPECT_EQ(client.get("/readyz").status, 503);
  EXPECT_EQ(client.get("/readyz").json()["status"].text(), "stale");
  EXPECT_EQ(client.get("/livez").status, 200);
  engine.is_away = false;
  ASSERT_TRUE(served.gateway.becomes(Gateway::Coverage::fresh));
  EXPECT_TRUE(eventually([&] { return served.check("active").status == 200; }));
}

TEST(CheckService, ServesWhileStaleIfToldToAndSaysSo) {
  NamedKeys engine;
  ServedGateway served(TestGateway::options(engine.port(), TestGateway::short_lease), WhenStale::serve);
  ASSERT_TRUE(served.gateway.becomes(Gateway::Coverage::fresh));
  EXPECT_TRUE(eventually([&] { return served.check("active").status == 200; }));
  engine.is_away = true;
  ASSERT_TRUE(served.gateway.becomes(Gateway::Coverage::stale));
  const auto answer = served.check("active");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("X-Revoked-Stale"), "true");
  const auto ready = HttpClient(served.server.port()).get("/readyz");
  EXPECT_EQ(ready.status, 200);
  EXPECT_TRUE(ready.json()["stale"].is_true());
}

}  // namespace revoked::net::check_service_test
