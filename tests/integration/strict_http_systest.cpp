// Both programs over raw sockets: what a strict HTTP/1.1 server must refuse, bound and support.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "tests/support/revoked_programs.hpp"

namespace revoked::test::strict_http_systest {

struct Refusal {
  std::string name;
  std::string line_and_headers;  // of a request; "$KEY" in it is the key that must stay active
  std::string body;
};

// Every body ends with a second request, which a server with a wrong length of the first would run.
const std::string smuggled = "DELETE /v1/keys/$KEY HTTP/1.1\r\nHost: h\r\n$AUTH\r\n\r\n";

std::string chunked(const std::string& body) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", body.size());
  return size + body + "\r\n0\r\n\r\n";
}

std::vector<Refusal> refusals() {
  const std::string post = "POST /v1/keys/verify HTTP/1.1\r\nHost: h\r\n$AUTH\r\n";
  const std::string get = "GET /livez HTTP/1.1\r\n";
  return {
      {"ContentLengthAndChunked", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
       chunked("{}")},
      {"ContentLengthAndGzip", post + "Content-Length: 2\r\nTransfer-Encoding: gzip\r\n", "{}"},
      {"EncodingIdentity", post + "Transfer-Encoding: identity\r\n", ""},
      {"EncodingUnknown", post + "Transfer-Encoding: xchunked\r\n", chunked("{}")},
      {"EncodingEmpty", post + "Transfer-Encoding:\r\n", ""},
      {"EncodingChunkedThenIdentity", post + "Transfer-Encoding: chunked, identity\r\n", chunked("{}")},
      {"EncodingTwice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunked("{}")},
      {"EncodingInHttp10",
       "POST /v1/keys/verify HTTP/1.0\r\nHost: h\r\n$AUTH\r\nTransfer-Encoding: chunked\r\n", chunked("{}")},
      {"TwoLengths", post + "Content-Length: 2\r\nContent-Length: 3\r\n", "{} "},
      {"LengthList", post + "Content-Length: 2, 2\r\n", "{}"},
      {"LengthSigned", post + "Content-Length: +2\r\n", "{}"},
      {"LengthNegative", post + "Content-Length: -1\r\n", ""},
      {"LengthHexadecimal", post + "Content-Length: 0x2\r\n", "{}"},
      {"LengthTooLongForAnyNumber", post + "Content-Length: 99999999999999999999999\r\n", ""},
      {"HostMissing", get, ""},
      {"HostTwice", get + "Host: a\r\nHost: b\r\n", ""},
      {"HostThatIsNone", get + "Host: ]\r\n", ""},
      {"HostWithAPortThatIsNone", get + "Host: a:b\r\n", ""},
      {"HostAgainstAbsoluteForm", "GET http://one.example/livez HTTP/1.1\r\nHost: two.example\r\n", ""},
      {"FoldedHeader", get + "Host: h\r\nX-Long: a\r\n b\r\n", ""},
      {"SpaceBeforeColon", get + "Host: h\r\nContent-Length : 2\r\n", ""},
      {"NoColon", get + "Host: h\r\nnonsense\r\n", ""},
      {"EmptyName", get + "Host: h\r\n: x\r\n", ""},
      {"ZeroByteInValue", get + "Host: h\r\nX-Zero: a" + std::string(1, '\0') + "b\r\n", ""},
      {"BareCarriageReturn", get + "Host: h\r\nX-Cr: a\rb\r\n", ""},
      {"SpaceInTarget", "GET /livez x HTTP/1.1\r\nHost: h\r\n", ""},
      {"VersionUnknown", "GET /livez HTTP/3.1\r\nHost: h\r\n", ""},
      {"NotHttp", "\x16\x03\x01 hello\r\n", ""},
  };
}

std::string fill(std::string text, const std::string& key_id, const std::string& master_key) {
  const auto replace = [&text](std::string_view what, const std::string& with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what)) {
      text.replace(at, what.size(), with);
    }
  };
  replace("$KEY", key_id);
  replace("$AUTH", "Authorization: Bearer " + master_key);
  return text;
}

struct Programs {
  EngineProcess engine;
  GatewayProcess gateway{engine};
  HttpClient admin = engine.client();
};

TEST(StrictHttp, AmbiguousOrMalformedRequestsGet400AndTheConnectionEnds) {
  Programs programs;
  const CreatedKey key = create_key(programs.admin);
  for (const std::uint16_t port : {programs.engine.port(), programs.gateway.port()}) {
    for (const auto& [name, head, body] : refusals()) {
      SCOPED_TRACE(name + (port == programs.engine.port() ? ", engine" : ", gateway"));
      HttpClient client(port);
      client.send(fill(head + "\r\n" + body + smuggled, key.key_id, programs.engine.master_key()));
      try {
        const int status = client.receive().status;
        const bool is_length_or_version = name == "LengthTooLongForAnyNumber" || name == "VersionUnknown";
        EXPECT_TRUE(status == 400 || (is_length_or_version && (status == 413 || status == 505))) << status;
        EXPECT_TRUE(client.is_closed_within(10s)) << "continues after a 400";
      } catch (const ConnectionFailed& failure) {
        ADD_FAILURE() << "no answer: " << failure.what();
      }
      EXPECT_EQ(state_of(programs.admin, key.key_id), "active") << "the smuggled request was run";
    }
  }
}

// RFC 9110, 9.3.6 to 9.3.8, and 4.2.3: schemes are case-insensitive.
TEST(StrictHttp, MethodsAboutTheWayAreNoneOfAnyPath) {
  Programs programs;
  const CreatedKey key = create_key(programs.admin);
  for (const std::uint16_t port : {programs.engine.port(), programs.gateway.port()}) {
    HttpClient client(port);
    const auto host = "127.0.0.1:" + std::to_string(port);
    for (const std::string method : {"TRACE", "CONNECT"}) {
      for (const std::string path : {"/livez", "/readyz", "/healthz", "/check", "/v1/keys"}) {
        const HttpResponse refused = client.request(method, path, {{"X-API-Key", key.secret}});
        const bool is_there = port == programs.engine.port() ? path != "/check" : path != "/v1/keys";
        EXPECT_EQ(refused.status, is_there ? 405 : 404) << method << " " << path;
        EXPECT_EQ(refused.header("Allow").empty(), !is_there);
      }
    }
    EXPECT_EQ(client.request("CONNECT", host).status, 405);
    const HttpResponse options = client.request("OPTIONS", "*");
    EXPECT_EQ(options.status, 204);
    EXPECT_NE(options.header("Allow").find("GET"), std::string::npos);
    EXPECT_EQ(client.get("HTTP://" + host + "/livez").status, 200);
  }
}

TEST(StrictHttp, TrailersCannotAuthenticate) {
  Programs programs;
  const CreatedKey key = create_key(programs.admin);
  HttpClient client(programs.engine.port());
  client.send(
      fill("POST /v1/keys/revoke HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: "
           "Authorization\r\n\r\n2\r\n{}\r\n0\r\n$AUTH\r\n\r\n",
           key.key_id, programs.engine.master_key()));
  const int status = client.receive().status;
  EXPECT_TRUE(status == 400 || status == 401) << status;
}

TEST(StrictHttp, BodiesComeByLengthOrChunkedAndFewTrailersAreDropped) {
  Programs programs;
  const CreatedKey key = create_key(programs.admin);
  const std::string body = json_object({{"secret", key.secret}});
  programs.admin.send(programs.admin.format("POST", "/v1/keys/verify", {{"Transfer-Encoding", "chunked"}}) +
                      chunked(body));
  EXPECT_TRUE(programs.admin.receive().json()["active"].is_true());
  EXPECT_TRUE(verify(programs.admin, key.secret)["active"].is_true());
}

// Each sends more than the limit. The server may answer, or close while the test still sends.
TEST(StrictHttp, SizesAreBounded) {
  Programs programs;
  std::string many_headers;
  for (int i = 0; i < 1'300; ++i) many_headers += "a: b\r\n";
  std::string trailers;
  for (int i = 0; i < 20'000; ++i) trailers += "X-T" + std::to_string(i) + ": v\r\n";
  const std::string post = "POST $PATH HTTP/1.1\r\nHost: h\r\n$AUTH\r\n";
  const std::string chunked_post = post + "Transfer-Encoding: chunked\r\n\r\n";
  const std::string many(1 << 17, 'x');
  const std::string body = R"({"secret":"x"})";  // 14 (hexadecimal e) bytes: valid by itself
  struct Case {
    const char* name;
    std::string request;
    std::vector<int> statuses;
  };
  const std::vector<Case> cases{
      {"one large header", "GET /livez HTTP/1.1\r\nHost: h\r\nX: " + many + "\r\n\r\n", {431}},
      {"many headers", "GET /livez HTTP/1.1\r\nHost: h\r\n" + many_headers + "\r\n", {431, 400}},
      {"a long target", "GET /" + many + " HTTP/1.1\r\nHost: h\r\n\r\n", {431, 414, 400}},
      // A gateway reads no body: it refuses the master key with 401.
      {"a large body", post + "Content-Length: 1073741824\r\n\r\n", {413, 401}},
      {"many trailers",
       chunked_post + "e\r\n" + body + "\r\n0\r\n" + trailers + "\r\n",
       {431, 400, 413, 401}},
      {"a long chunk extension",
       chunked_post + "e;" + std::string(1 << 20, 'e') + "\r\n" + body + "\r\n0\r\n\r\n",
       {431, 400, 413, 401}},
  };
  for (const auto& [name, request, statuses] : cases) {
    for (const bool is_engine : {true, false}) {
      SCOPED_TRACE(std::string(name) + (is_engine ? ", engine" : ", gateway"));
      HttpClient client(is_engine ? programs.engine.port() : programs.gateway.port(), 10s);
      std::string bytes = fill(request, "", programs.engine.master_key());
      if (const auto at = bytes.find("$PATH"); at != std::string::npos) {
        bytes.replace(at, 5, is_engine ? "/v1/keys/verify" : "/check");
      }
      int status = 0;  // closed
      try {
        client.send(bytes);
        status = client.receive().status;
        EXPECT_TRUE(client.is_closed_within(10s)) << "continues after " << status;
      } catch (const ConnectionFailed&) {
      }
      EXPECT_TRUE(status == 0 || std::ranges::count(statuses, status) == 1) << status;
      EXPECT_EQ(programs.admin.get("/livez").status, 200);
    }
  }
}

TEST(StrictHttp, LargeHeadersAndBodiesAreToldWhy) {
  EngineProcess engine;
  HttpClient client = engine.client();
  client.send("GET /livez HTTP/1.1\r\nHost: h\r\nX: " + std::string(70 << 10, 'x') + "\r\n\r\n");
  EXPECT_EQ(client.receive().status, 431);
  HttpClient other = engine.client();
  other.send(other.format("POST", "/v1/keys", {{"Content-Length", "1073741824"}}));
  EXPECT_EQ(other.receive().status, 413);
}

// More than the default limits of nginx: a head that a proxy accepts must not become a 500.
TEST(StrictHttp, HeadsAsLargeAsProxiesPassThemAreTaken) {
  Programs programs;
  const CreatedKey key = create_key(programs.admin);
  const Headers large(4, {"X-Large", std::string(8 << 10, 'x')});
  const Headers many(497, {"X-Field", "value"});
  for (auto headers : {large, many}) {
    headers.emplace_back("X-API-Key", key.secret);
    EXPECT_EQ(programs.gateway.client().get("/check", headers).status, 200);
    headers.back() = {"X-API-Key", programs.engine.master_key()};
    EXPECT_EQ(HttpClient(programs.engine.port()).get("/v1/keys/" + key.key_id, headers).status, 200);
  }
}

TEST(StrictHttp, AHeaderThatNeverEndsTimesOut) {
  Programs programs;
  HttpClient to_engine(programs.engine.port(), 90s);
  HttpClient to_gateway(programs.gateway.port(), 90s);
  for (auto* client : {&to_engine, &to_gateway}) client->send("GET /livez HTTP/1.1\r\nHost: h\r\nX: ");
  for (auto* client : {&to_engine, &to_gateway}) {
    try {
      EXPECT_EQ(client->receive().status, 408);
      EXPECT_TRUE(client->is_closed_within(10s));
    } catch (const ConnectionFailed& closed) {
      EXPECT_STRNE(closed.what(), "no answer in time");
    }
  }
}

TEST(StrictHttp, PipelinedRequestsAreAnsweredInOrder) {
  EngineProcess engine;
  const auto keys = create_keys(engine, 64);
  HttpClient client = engine.client();
  std::string requests;
  for (const auto& key : keys) {
    requests += client.format("GET", "/v1/keys/" + key.key_id);
    requests += client.format("DELETE", "/v1/keys/" + key.key_id);
    requests += client.format("POST", "/v1/keys/verify", {}, json_object({{"secret", key.secret}}));
    requests += client.format("GET", "/nowhere");
  }
  client.send(requests);
  for (const auto& key : keys) {
    const Json before = client.receive().json();
    ASSERT_EQ(before["key_id"].text(), key.key_id);
    ASSERT_EQ(before["state"].text(), "active");
    const HttpResponse revoked = client.receive();
    ASSERT_EQ(revoked.status, 200);
    ASSERT_EQ(revoked.json()["key_id"].text(), key.key_id);
    ASSERT_EQ(client.receive().json()["state"].text(), "revoked");
    ASSERT_EQ(client.receive().status, 404);
  }
}

TEST(StrictHttp, RequestsThatArriveInTinyPiecesAreUnderstood) {
  EngineProcess engine;
  HttpClient client = engine.client();
  for (const char byte : client.format("GET", "/livez")) client.send(std::string_view(&byte, 1));
  EXPECT_EQ(client.receive().status, 200);
}

TEST(StrictHttp, AClientThatExpectsContinueIsToldToGoOn) {
  EngineProcess engine;
  HttpClient client = engine.client();
  client.send(client.format("POST", "/v1/keys", {{"Content-Length", "2"}, {"Expect", "100-continue"}}));
  EXPECT_EQ(client.receive().status, 100);
  client.send("{}");
  EXPECT_EQ(client.receive().status, 201);
}

TEST(StrictHttp, KeepsOrEndsTheConnectionAsAsked) {
  EngineProcess engine;
  HttpClient client = engine.client();
  client.send(client.format("GET", "/livez"));
  client.receive();
  EXPECT_FALSE(client.is_closed_within(200ms));
  client.send(client.format("GET", "/livez", {{"Connection", "close"}}));
  EXPECT_EQ(client.receive().header("Connection"), "close");
  EXPECT_TRUE(client.is_closed_within(10s));

  HttpClient old(engine.port());
  old.send("GET /livez HTTP/1.0\r\nHost: h\r\n\r\n");
  EXPECT_EQ(old.receive().status, 200);
  EXPECT_TRUE(old.is_closed_within(10s));

  EXPECT_EQ(engine.client().request("HEAD", "/livez").status, 200);
}

}  // namespace revoked::test::strict_http_systest
