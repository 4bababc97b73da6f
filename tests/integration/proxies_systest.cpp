// The examples of tools/gateways, each run by its proxy: client -> proxy -> service; the proxy calls
// revoked-gateway for every request.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "tests/support/example_proxy.hpp"
#include "tests/support/fake_engine.hpp"
#include "tests/support/revoked_programs.hpp"

namespace revoked::test::proxies_systest {

constexpr std::size_t large_body_bytes = 3'000'000;
// RFC 6455, section 1.3: the key of a client and the answer to it.
const std::string socket_key = "dGhlIHNhbXBsZSBub25jZQ==";
const std::string socket_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const std::string identity[] = {"x-key-id", "x-user-id", "x-application-id", "x-workspace-id",
                                "x-key-permissions"};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// Answers with the request head and the size of the body. After an upgrade it echoes everything.
void echo(const FakeRequest& request, FakeEngine::Peer& peer) {
  if (!request.headers.contains("upgrade"))
    return peer.answer(200, request.head + "\r\nbody-bytes: " + std::to_string(request.body.size()) + "\r\n",
                       "text/plain");
  peer.send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: " +
      socket_accept + "\r\n\r\n");
  for (auto bytes = peer.receive(); !bytes.empty(); bytes = peer.receive()) peer.send(bytes);
}

// All values of that header that the service received.
std::vector<std::string> told(const HttpResponse& answer, const std::string& name) {
  std::vector<std::string> values;
  for (std::size_t at = 0; (at = answer.body.find("\r\n", at)) != std::string::npos;) {
    at += 2;
    const auto colon = answer.body.find(':', at);
    if (colon == std::string::npos || lower(answer.body.substr(at, colon - at)) != name) continue;
    const auto value = answer.body.substr(colon + 1, answer.body.find("\r\n", colon) - colon - 1);
    values.push_back(value.substr(std::min(value.find_first_not_of(' '), value.size())));
  }
  return values;
}

// The only value; empty if there is none.
std::string the(const std::vector<std::string>& values) {
  EXPECT_LE(values.size(), 1u);
  return values.empty() ? "" : values.front();
}

std::string chunked(std::string_view body) {
  constexpr std::size_t chunk_bytes = 0x10000;
  std::string out;
  for (; !body.empty(); body.remove_prefix(std::min(chunk_bytes, body.size()))) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", std::min(chunk_bytes, body.size()));
    out.append(size).append(body.substr(0, chunk_bytes)).append("\r\n");
  }
  return out + "0\r\n\r\n";
}

class Proxies : public testing::TestWithParam<std::string> {
 protected:
  HttpResponse ask(const Headers& headers) { return client_.get("/anything?x=1", headers); }
  HttpResponse ask(const CreatedKey& key) { return ask({{"Authorization", "Bearer " + key.secret}}); }
  // Announces a body without sending it: the request is denied before.
  HttpResponse announce_body(const std::string& secret, const std::string& header) {
    HttpClient client(proxy_.client());
    client.send("POST /anything HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(proxy_.port()) +
                "\r\nX-API-Key: " + secret + "\r\n" + header + "\r\n\r\n");
    return client.receive();
  }

  EngineProcess engine_;
  GatewayProcess gateway_{engine_, {.arguments = {"--stale-after", "1s"}}};
  FakeEngine service_{echo};
  ExampleProxy proxy_{GetParam(), gateway_.port(), service_.port()};
  HttpClient client_ = proxy_.client();
  HttpClient admin_ = engine_.client();
};

TEST_P(Proxies, PassALiveKeyAndTellTheServiceWhoseItIs) {
  const auto key = create_key(
      admin_, {{"user", "ann"}, {"application", "shop"}, {"workspace", "acme"}, {"key_id", "my-key"}});
  const HttpResponse live = ask(key);
  ASSERT_EQ(live.status, 200) << proxy_.log_text();
  EXPECT_EQ(the(told(live, "x-key-id")), "my-key") << live.body;
  EXPECT_EQ(the(told(live, "x-user-id")), "ann");
  EXPECT_EQ(the(told(live, "x-application-id")), "shop");
  EXPECT_EQ(the(told(live, "x-workspace-id")), "acme");
  EXPECT_EQ(the(told(live, "x-key-permissions")), "");
  EXPECT_EQ(live.header("X-Revoked-Reason"), "");
  EXPECT_EQ(ask(Headers{{"X-API-Key", key.secret}}).status, 200) << proxy_.log_text();
}

// A client's identity headers never reach the service, whatever the key has and however the name is written.
TEST_P(Proxies, OverwriteEveryIdentityHeader) {
  const CreatedKey none = create_key(admin_);
  const CreatedKey all =
      create_key(admin_, {{"user", "ann"}, {"application", "shop"}, {"workspace", "acme"}});
  for (const auto& key : {none, all}) {
    for (const bool with_underscores : {false, true}) {
      Headers headers{{"X-API-Key", key.secret}};
      for (auto name : identity) {
        if (with_underscores) std::ranges::replace(name, '-', '_');
        headers.emplace_back(name, "forged");
        headers.emplace_back(name, "forged too");
      }
      const HttpResponse answer = ask(headers);
      ASSERT_EQ(answer.status, 200) << proxy_.log_text();
      EXPECT_EQ(answer.body.find("forged"), std::string::npos) << answer.body;
      EXPECT_EQ(the(told(answer, "x-workspace-id")), key.key_id == all.key_id ? "acme" : "") << answer.body;
      EXPECT_EQ(the(told(answer, "x-key-id")), key.key_id);
    }
  }
}

TEST_P(Proxies, StopAKeyOnceItIsRevokedAndSayWhy) {
  const CreatedKey key = create_key(admin_, {{"user", "u1"}});
  ASSERT_EQ(ask(key).status, 200) << proxy_.log_text();
  ASSERT_EQ(revoke(admin_, key.key_id).status, 200);
  EXPECT_TRUE(eventually([&] { return ask(key).status == 403; }));
  const HttpResponse denied = ask(key);
  EXPECT_EQ(denied.status, 403);
  EXPECT_EQ(denied.header("X-Revoked-Reason"), "revoked");
  const auto asked = service_.requests();
  for (const std::string header :
       {"Content-Length: 3000000", "Transfer-Encoding: chunked\r\nExpect: 100-continue",
        "Content-Length: 0"}) {
    const HttpResponse with_body = announce_body(key.secret, header);
    EXPECT_EQ(with_body.status, 403) << header;
    EXPECT_EQ(with_body.header("X-Revoked-Reason"), "revoked");
  }
  EXPECT_EQ(service_.requests(), asked) << "the request does not reach the service";
}

TEST_P(Proxies, Answer401WithoutAKeyAndWithAnUnknownOne) {
  const HttpResponse none = ask(Headers{});
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.header("WWW-Authenticate"), "Bearer realm=\"revoked\"");
  EXPECT_EQ(none.header("X-Revoked-Reason"), "missing");
  const HttpResponse unknown = ask(Headers{{"Authorization", "Bearer rvk_unknown"}});
  EXPECT_EQ(unknown.status, 401);
  EXPECT_EQ(unknown.header("X-Revoked-Reason"), "unknown");
  EXPECT_EQ(service_.requests(), 0);
}

// Of a browser, which sends no key with it.
TEST_P(Proxies, DenyAPreflightWithoutAKey) {
  const HttpResponse denied = client_.request(
      "OPTIONS", "/anything", {{"Origin", "https://example.com"}, {"Access-Control-Request-Method", "PUT"}});
  EXPECT_EQ(denied.status, 401);
  EXPECT_EQ(denied.header("X-Revoked-Reason"), "missing");
  EXPECT_EQ(service_.requests(), 0);
}

TEST_P(Proxies, Answer503WithTheReasonWhileTheGatewayCannotKnow) {
  const CreatedKey key = create_key(admin_);
  ASSERT_EQ(ask(key).status, 200) << proxy_.log_text();
  const auto asked = service_.requests();
  engine_.process().signal(SIGSTOP);
  HttpResponse stale;
  EXPECT_TRUE(eventually([&] {
    stale = ask(key);
    EXPECT_TRUE(stale.status == 200 || stale.status == 503) << stale.status << proxy_.log_text();
    return stale.header("X-Revoked-Reason") == "stale";
  }));
  EXPECT_EQ(stale.status, 503);
  EXPECT_EQ(stale.header("Retry-After"), "1");
  engine_.process().signal(SIGCONT);
  EXPECT_TRUE(eventually([&] { return ask(key).status == 200; })) << proxy_.log_text();
  EXPECT_GE(service_.requests(), asked + 1);

  gateway_.kill();
  const HttpResponse away = ask(key);
  EXPECT_TRUE(away.status == 502 || away.status == 503) << away.status;
}

TEST_P(Proxies, StopAllKeysOfAUserAtOnceAndNobodyElses) {
  const CreatedKey one = create_key(admin_, {{"user", "leaver"}});
  const CreatedKey two = create_key(admin_, {{"user", "leaver"}, {"application", "a1"}});
  const CreatedKey other = create_key(admin_, {{"user", "stayer"}});
  for (const auto& key : {one, two, other}) ASSERT_EQ(ask(key).status, 200) << proxy_.log_text();
  ASSERT_EQ(revoke_owner(admin_, "user", "leaver").json()["revoked"].number(), 2);
  EXPECT_TRUE(eventually([&] { return ask(one).status == 403; }));
  EXPECT_EQ(ask(two).status, 403);
  EXPECT_EQ(ask(other).status, 200);
}

TEST_P(Proxies, PassLargeHeads) {
  const CreatedKey key = create_key(admin_);
  Headers large(4, {"X-Large", std::string(8 << 10, 'x')});
  large.emplace_back("X-API-Key", key.secret);
  const HttpResponse four = ask(large);
  ASSERT_EQ(four.status, 200) << proxy_.log_text();
  EXPECT_EQ(told(four, "x-large").size(), 4u);

  Headers many(490, {"X-Field", "value"});  // in addition to those of client and proxy
  many.emplace_back("X-API-Key", key.secret);
  const HttpResponse fields = ask(many);
  ASSERT_EQ(fields.status, 200) << proxy_.log_text();
  EXPECT_EQ(told(fields, "x-field").size(), 490u);
}

TEST_P(Proxies, PassLargeBodiesOfEitherKind) {
  const CreatedKey key = create_key(admin_);
  const std::string body(large_body_bytes, 'x');
  const HttpResponse counted = client_.request("POST", "/anything", {{"X-API-Key", key.secret}}, body);
  ASSERT_EQ(counted.status, 200) << proxy_.log_text();
  EXPECT_EQ(the(told(counted, "body-bytes")), std::to_string(large_body_bytes));
  client_.send(
      client_.format("PUT", "/anything", {{"X-API-Key", key.secret}, {"Transfer-Encoding", "chunked"}}) +
      chunked(body));
  const HttpResponse in_chunks = client_.receive();
  ASSERT_EQ(in_chunks.status, 200) << proxy_.log_text();
  EXPECT_EQ(the(told(in_chunks, "body-bytes")), std::to_string(large_body_bytes));
}

TEST_P(Proxies, PassAWebSocketThrough) {
  const CreatedKey key = create_key(admin_);
  const Headers upgrade{{"Connection", "Upgrade"},
                        {"Upgrade", "websocket"},
                        {"Sec-WebSocket-Version", "13"},
                        {"Sec-WebSocket-Key", socket_key}};
  EXPECT_EQ(ask(upgrade).status, 401) << "without a key";
  auto headers = upgrade;
  headers.emplace_back("X-API-Key", key.secret);
  HttpClient socket = proxy_.client();
  socket.send(socket.format("GET", "/socket", headers));
  ASSERT_EQ(socket.receive_headers().status, 101) << proxy_.log_text();
  // In the form of an answer, so that the client can parse it.
  const std::string frames = "HTTP/1.1 200 Echoed\r\nContent-Length: 5\r\n\r\nhello";
  socket.send(frames);
  EXPECT_EQ(socket.receive().body, "hello");
}

// A stream of the engine, requested with a key that both gateway and engine accept.
class Streams {
 public:
  explicit Streams(const EngineProcess& engine) : admin_(engine.client()) {
    const auto made = admin_.request("POST", "/v1/keys", {}, R"({"permissions":["gateway"]})");
    EXPECT_EQ(made.status, 201) << made.body;
    secret_ = made.json()["secret"].text();
    doomed_ = create_key(admin_);
  }
  void expect_through(HttpClient client, const std::string& version) {
    client.send("GET /v1/invalidations " + version +
                "\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nAuthorization: Bearer " + secret_ +
                "\r\n\r\n");
    const HttpResponse head = client.receive_headers();
    ASSERT_EQ(head.status, 200) << version;
    EXPECT_EQ(head.header("Content-Type"), "text/event-stream");
    EXPECT_FALSE(version.ends_with("1.0") && !head.header("Transfer-Encoding").empty());
    std::string text;
    const auto receives = [&](const std::string& what) {
      while (text.find(what) == std::string::npos) {
        auto piece = client.receive_piece();
        if (!piece) return false;
        text += *piece;
      }
      return true;
    };
    ASSERT_TRUE(receives("\"events\":[]")) << text;  // a heartbeat
    ASSERT_EQ(revoke(admin_, doomed_.key_id).status, 200);
    EXPECT_TRUE(receives("\"key_id\":\"" + doomed_.key_id + "\"")) << text;
    doomed_ = create_key(admin_);
  }

 private:
  HttpClient admin_;
  std::string secret_;
  CreatedKey doomed_;
};

TEST_P(Proxies, PassTheEnginesStream) {
  ExampleProxy before_the_engine(GetParam(), gateway_.port(), engine_.port());
  Streams streams(engine_);
  for (const std::string version : {"HTTP/1.1", "HTTP/1.0"})
    streams.expect_through(before_the_engine.client(), version);
}

// A gateway told of other places, and of preflights.
class ConfiguredProxies : public testing::TestWithParam<std::string> {
 protected:
  unsigned status(std::string_view method, std::string_view target, const Headers& headers) {
    return client_.request(method, target, headers).status;
  }

  EngineProcess engine_;
  GatewayProcess gateway_{
      engine_,
      {.arguments = {"--credential", "query:api_key,cookie:session,basic-password,websocket-protocol:bearer",
                     "--preflight", "allow", "--method-header", "X-Forwarded-Method"}}};
  FakeEngine service_{echo};
  ExampleProxy proxy_{GetParam(), gateway_.port(), service_.port()};
  HttpClient client_ = proxy_.client();
  HttpClient admin_ = engine_.client();
};

TEST_P(ConfiguredProxies, TakeTheKeyWhereverItStands) {
  const auto made = admin_.request("POST", "/v1/keys", {}, R"({"key_id":"my-key","secret":"secret-7"})");
  ASSERT_EQ(made.status, 201) << made.body;
  const std::pair<std::string, Headers> places[] = {
      {"/a?x=1&api_key=secret%2D7", {}},
      {"/a", {{"Cookie", "theme=dark; session=secret-7"}}},
      {"/a", {{"Authorization", "Basic dXNlcjpzZWNyZXQtNw=="}}},
      {"/a", {{"Sec-WebSocket-Protocol", "chat, bearer.secret-7"}}},
  };
  for (const auto& [target, headers] : places) {
    const HttpResponse answer = client_.get(target, headers);
    EXPECT_EQ(answer.status, 200) << target << proxy_.log_text();
    EXPECT_EQ(the(told(answer, "x-key-id")), "my-key");
  }
  EXPECT_EQ(status("GET", "/a", {{"X-API-Key", "secret-7"}}), 401) << "a place that is not listed";
  EXPECT_EQ(status("GET", "/a?api_key=other-one&api_key=secret-7", {}), 400);
  ASSERT_EQ(revoke(admin_, "my-key").status, 200);
  for (const auto& [target, headers] : places)
    EXPECT_TRUE(eventually([&] { return status("GET", target, headers) == 403; })) << target;
}

TEST_P(ConfiguredProxies, LetPreflightsThroughAndNothingElse) {
  const Headers preflight{{"Origin", "https://example.com"}, {"Access-Control-Request-Method", "PUT"}};
  auto forged = preflight;
  forged.emplace_back("X-Key-Id", "forged");
  forged.emplace_back("X-Forwarded-Method", "GET");
  const HttpResponse passed = client_.request("OPTIONS", "/a", forged);
  EXPECT_EQ(passed.status, 200) << proxy_.log_text();
  EXPECT_EQ(passed.body.find("forged"), std::string::npos) << passed.body;
  const auto served = service_.requests();

  EXPECT_EQ(status("OPTIONS", "/a", {{"Origin", "https://example.com"}}), 401);
  EXPECT_EQ(status("OPTIONS", "/a?api_key=unknown-1", preflight), 401) << "its key counts";
  auto disguised = preflight;
  disguised.emplace_back("X-Forwarded-Method", "OPTIONS");
  EXPECT_EQ(status("GET", "/a", disguised), 401);
  EXPECT_EQ(status("DELETE", "/a", disguised), 401);
  EXPECT_EQ(service_.requests(), served);
}

const auto proxy_name = [](const auto& parameter) { return parameter.param; };
INSTANTIATE_TEST_SUITE_P(, ConfiguredProxies, testing::Values("nginx", "caddy", "haproxy"), proxy_name);
INSTANTIATE_TEST_SUITE_P(, Proxies, testing::Values("nginx", "caddy", "haproxy"), proxy_name);

// nginx without settings for streams: HTTP/1.0 to the engine, buffered answers.
TEST(DefaultProxy, PassesTheEnginesStream) {
  EngineProcess engine;
  NginxServer nginx(plain_proxy_config(engine.port()));
  Streams streams(engine);
  for (const std::string version : {"HTTP/1.1", "HTTP/1.0"}) streams.expect_through(nginx.client(), version);
}

// The examples in the docs are the ones that are run here.
TEST(ProxyExamples, AreThoseOfTheDocs) {
  const auto docs = read_file(source_directory() / "docs/gateways.md");
  for (const std::string name : {"nginx.conf", "Caddyfile", "haproxy.cfg", "revoked.lua"}) {
    const auto example = read_file(source_directory() / "tools/gateways" / name);
    ASSERT_FALSE(example.empty()) << name;
    EXPECT_NE(docs.find("\n" + example + "```\n"), std::string::npos) << name;
  }
  const auto readme = read_file(source_directory() / "README.md");
  const auto nginx = read_file(source_directory() / "tools/gateways/nginx.conf");
  const std::string fence = "```nginx\n";
  const auto begin = readme.find(fence);
  ASSERT_NE(begin, std::string::npos);
  const auto excerpt =
      readme.substr(begin + fence.size(), readme.find("```", begin + 3) - begin - fence.size());
  EXPECT_NE(nginx.find(excerpt), std::string::npos) << excerpt;
}

}  // namespace revoked::test::proxies_systest
