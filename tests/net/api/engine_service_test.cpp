// The native API over HTTP: routes, credentials, answers.

#include "net/api/engine_service.hpp"

#include <gtest/gtest.h>

#include "tests/net/api/served_engine.hpp"

namespace revoked::net::engine_service_test {

using revoked::test::HttpClient;
using revoked::test::HttpResponse;
using test::ServedEngine;

void expect_problem(const HttpResponse& answer, int status, std::string_view code) {
  EXPECT_EQ(answer.status, status);
  EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(answer.json()["code"].text(), code);
  EXPECT_EQ(answer.json()["status"].number(), status);
  EXPECT_EQ(answer.json()["type"].text(), "urn:revoked:problem:" + std::string(code));
  EXPECT_FALSE(answer.header("X-Request-Id").empty());
}

TEST(EngineService, UnknownPathIsAProblem) {
  ServedEngine served;
  auto client = served.client();
  for (const auto* path :
       {"/", "/v1", "/v1/keys/a/b", "/v2/keys", "/V1/keys", "/v1/users//keys", "/v1/../livez"}) {
    expect_problem(client.get(path), 404, "route_not_found");
  }
}

TEST(EngineService, PathSaysWhatItAllows) {
  ServedEngine served;
  auto client = served.client();
  const auto refused = client.request("PUT", "/v1/keys/k1");
  expect_problem(refused, 405, "method_not_allowed");
  EXPECT_EQ(refused.header("Allow"), "DELETE, GET, HEAD, PATCH, OPTIONS");
  const auto options = client.request("OPTIONS", "/v1/keys");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("Allow"), "POST, GET, HEAD, OPTIONS");
  EXPECT_EQ(options.header("Content-Length"), "");
}

// RFC 9110, 9.1: known, but not allowed; or unknown.
TEST(EngineService, HasNoMethodThatIsAboutTheWay) {
  ServedEngine served;
  auto client = served.client();
  for (const auto* method : {"TRACE", "CONNECT"}) {
    const auto refused = client.request(method, "/livez");
    expect_problem(refused, 405, "method_not_allowed");
    EXPECT_EQ(refused.header("Allow"), "GET, HEAD, OPTIONS");
    EXPECT_EQ(client.request(method, "/nowhere").status, 404);
  }
  for (const auto* method : {"BREW", "get", "Get"}) {
    const auto unknown = client.request(method, "/livez");
    expect_problem(unknown, 501, "method_not_implemented");
    EXPECT_EQ(unknown.header("Allow"), "GET, HEAD, OPTIONS");
  }
}

TEST(EngineService, SaysWhatTheServerAllows) {
  ServedEngine served;
  HttpClient anyone(served.port());
  const auto options = anyone.request("OPTIONS", "*");
  EXPECT_EQ(options.status, 204);
  const auto allow = options.header("Allow");
  EXPECT_TRUE(allow.starts_with("GET, HEAD, POST, ")) << allow;
  EXPECT_TRUE(allow.ends_with(", DELETE, OPTIONS")) << allow;
  const auto host = "127.0.0.1:" + std::to_string(served.port());
  EXPECT_EQ(anyone.request("OPTIONS", "http://" + host).header("Allow"), allow);
  const auto tunnel = anyone.request("CONNECT", host);
  expect_problem(tunnel, 405, "method_not_allowed");
  EXPECT_EQ(tunnel.header("Allow"), allow);
}

TEST(EngineService, HeadIsGetWithoutTheBody) {
  ServedEngine served;
  served.create("k1");
  auto client = served.client();
  const auto whole = client.get("/v1/keys/k1");
  const auto head = client.request("HEAD", "/v1/keys/k1");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), std::to_string(whole.body.size()));
  EXPECT_EQ(client.request("HEAD", "/v1/keys/nobody").status, 404);
  EXPECT_EQ(client.request("HEAD", "/v1/invalidations", {{"Accept", "text/event-stream"}}).status, 200)
      << "no stream";
  EXPECT_EQ(client.get("/livez").status, 200) << "no unread body remains";
}

TEST(EngineService, CallerHasToSayWhoItIs) {
  ServedEngine served;
  served.create("revoked-key", "keys:read");
  served.revoke("revoked-key");
  HttpClient anonymous(served.port());
  const auto refused = anonymous.get("/v1/keys/k1");
  expect_problem(refused, 401, "unauthenticated");
  EXPECT_EQ(refused.header("WWW-Authenticate"), "Bearer realm=\"revoked\"");
  expect_problem(served.client("wrong").get("/v1/keys/k1"), 401, "unauthenticated");
  expect_problem(served.client("revoked-key").get("/v1/keys/k1"), 401, "unauthenticated");
  EXPECT_EQ(anonymous.get("/livez").status, 200);
  EXPECT_EQ(anonymous.get("/readyz").status, 200);
  EXPECT_EQ(anonymous.get("/healthz").status, 200);
}

TEST(EngineService, CallerNeedsThePermission) {
  ServedEngine served;
  served.create("reader", "keys:read");
  served.create("edge", "gateway");
  auto reader = served.client("reader");
  EXPECT_EQ(reader.get("/v1/keys/reader").status, 200);
  expect_problem(reader.request("DELETE", "/v1/keys/edge"), 403, "forbidden");
  expect_problem(reader.get("/v1/invalidations"), 403, "forbidden");
  auto edge = served.client("edge");
  EXPECT_EQ(edge.get("/v1/invalidations").status, 200);
  EXPECT_EQ(edge.request("POST", "/v1/keys/verify", {}, R"({"secret":"another one"})").status, 200);
  expect_problem(edge.get("/v1/keys/edge"), 403, "forbidden");
}

TEST(EngineService, LimitedCallerSeesNothingOutsideItsReach) {
  ServedEngine served;
  served.create("limited", "keys:create keys:read keys:revoke keys:verify gateway", "ann");
  served.create("anns", "", "ann");
  served.create("bobs", "", "bob");
  served.create("nobodys");
  auto limited = served.client("limited");
  EXPECT_EQ(limited.get("/v1/keys/anns").status, 200);
  for (const auto* id : {"bobs", "nobodys", "absent"}) {
    expect_problem(limited.get("/v1/keys/" + std::string(id)), 404, "key_not_found");
    expect_problem(limited.request("DELETE", "/v1/keys/" + std::string(id)), 404, "key_not_found");
    const auto revoked = limited.request("POST", "/v1/keys/revoke", {},
                                         R"({"secret":")" + ServedEngine::secret_of(id) + "\"}");
    EXPECT_EQ(revoked.json()["results"][0]["state"].text(), "unknown");
    const auto verified = limited.request("POST", "/v1/keys/verify", {},
                                          R"({"secret":")" + ServedEngine::secret_of(id) + "\"}");
    EXPECT_EQ(verified.json()["state"].text(), "unknown");
    EXPECT_FALSE(verified.json()["key_id"].exists());
  }
  expect_problem(limited.get("/v1/invalidations"), 403, "forbidden");
  expect_problem(limited.request("POST", "/v1/keys", {}, R"({"user":"bob"})"), 403, "forbidden");
  expect_problem(limited.request("POST", "/v1/keys", {}, R"({"user":"ann","permissions":["keys:write"]})"),
                 403, "forbidden");
  auto master = served.client();
  for (const auto* id : {"bobs", "nobodys"}) {
    EXPECT_EQ(master.get("/v1/keys/" + std::string(id)).json()["state"].text(), "active") << id;
  }
  EXPECT_EQ(limited.request("DELETE", "/v1/keys/anns").status, 200);
}

TEST(EngineService, TrailersCarryNoCredential) {
  ServedEngine served;
  test::RawClient client(served.port());
  client.send(
      "POST /v1/keys HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Bearer " +
      test::master_key + "\r\n\r\n");
  EXPECT_TRUE(client.read_through("}").starts_with("HTTP/1.1 401 "));
}

TEST(EngineService, IsNotReadyBeforeItIsLoaded) {
  ServedEngine::Options options;
  options.starts = false;
  ServedEngine served(options);
  auto client = served.client();
  EXPECT_EQ(client.get("/livez").status, 200);
  EXPECT_EQ(client.get("/readyz").json()["status"].text(), "loading");
  EXPECT_EQ(client.get("/healthz").status, 503);
  const auto refused = client.get("/v1/keys/k1");
  expect_problem(refused, 503, "not_ready");
  EXPECT_EQ(refused.header("Retry-After"), "1");
  served.start();
  EXPECT_EQ(client.get("/readyz").status, 200);
  served.draining = true;
  EXPECT_EQ(client.get("/readyz").json()["status"].text(), "draining");
}

TEST(EngineService, CreatesShowsVerifiesAndRevokes) {
  ServedEngine served;
  auto client = served.client();
  const auto created = client.request(
      "POST", "/v1/keys", {},
      R"({"user":"ann","workspace":"acme","name":"laptop","permissions":["a","b:c"],"metadata":{"x":[1]},"expires_at":"2999-01-01T00:00:00Z"})");
  ASSERT_EQ(created.status, 201);
  const auto id = created.json()["key_id"].text();
  const auto secret = created.json()["secret"].text();
  EXPECT_TRUE(engine::is_issued_secret(secret, "rvk"));
  EXPECT_EQ(created.header("Location"), "/v1/keys/" + id);
  EXPECT_EQ(created.header("Cache-Control"), "no-store");
  EXPECT_EQ(created.header("Revocation-Position"), created.json()["position"].text());

  const auto shown = client.get("/v1/keys/" + id);
  EXPECT_EQ(shown.body.find(secret), std::string::npos);
  EXPECT_EQ(shown.json()["state"].text(), "active");
  EXPECT_EQ(shown.json()["metadata"]["x"][0].number(), 1);

  const auto verify = [&] {
    return client.request("POST", "/v1/keys/verify", {}, R"({"secret":")" + secret + "\"}");
  };
  EXPECT_TRUE(verify().json()["active"].is_true());
  EXPECT_EQ(verify().json()["permissions"][1].text(), "b:c");

  const auto revoked = client.request("DELETE", "/v1/keys/" + id + "?reason=le%61ked+here");
  EXPECT_EQ(revoked.json()["reason"].text(), "leaked here");
  EXPECT_EQ(revoked.header("Revocation-Position"), revoked.json()["position"].text());
  EXPECT_EQ(verify().json()["state"].text(), "revoked");
  EXPECT_EQ(client.get("/v1/keys/" + id).json()["reason"].text(), "leaked here");
  EXPECT_EQ(client.request("DELETE", "/v1/keys/" + id, {}, R"({"reason":"other"})").body, revoked.body);
}

TEST(EngineService, SaysWhichSecretADecisionIsAboutWhenAsked) {
  ServedEngine served;
  auto client = served.client();
  const auto verify = [&](std::string_view query, const std::string& secret) {
    return client.request("POST", "/v1/keys/verify" + std::string(query), {},
                          R"({"secret":")" + secret + "\"}");
  };
  for (const std::string secret : {"one of all", "a/b/c/d/e", "another one"}) {
    const auto named = verify("?echo=secret_sha256", secret);
    EXPECT_EQ(named.status, 200);
    EXPECT_EQ(named.json()["secret_sha256"].text(), engine::to_hex(engine::sha256(secret)));
    EXPECT_EQ(named.body.find(secret + '"'), std::string::npos);
    EXPECT_EQ(verify("", secret).body.find("secret_sha256"), std::string::npos);
  }
  const auto refused = verify("?echo=secret", "one of all");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.json()["code"].text(), "invalid_parameter");
}

TEST(EngineService, VerifiesASecretHoweverItsBodyIsWritten) {
  ServedEngine served;
  for (const std::string secret : {"a/b/c/d/e", "a b c d\xc3\xa4", "a\"b/c/d\\"}) {
    const auto id = engine::new_key_id(0);
    engine::NewKey key;
    key.key_id = id;
    key.digest = engine::sha256(secret);
    ASSERT_TRUE(served.engine().create(key, {}));
  }
  ASSERT_TRUE(served.sync());
  auto client = served.client();
  const auto verify = [&](const std::string& body) {
    return client.request("POST", "/v1/keys/verify", {}, body);
  };
  for (const auto* body :
       {R"({"secret":"a/b/c/d/e"})", R"({"secret": "a/b/c/d/e"})", R"( { "secret" : "a/b/c/d/e" } )",
        R"({"secret":"a\/b\/c/d/e"})", R"({"secret":"\u0061/b/c/d/e"})", R"({"\u0073ecret":"a/b/c/d/e"})",
        "{\"secret\":\"a b c d\xc3\xa4\"}", R"({"secret":"a b c d\u00e4"})", R"({"secret":"a\"b/c/d\\"})"}) {
    EXPECT_TRUE(verify(body).json()["active"].is_true()) << body;
  }
  for (const auto* body :
       {R"({"secret":"a/b/c/d/"})", R"({"secret": "a b c d e"})", R"({"secret":"a/b/c/d\\"})"}) {
    EXPECT_EQ(verify(body).json()["state"].text(), "unknown") << body;
  }
  for (const auto* body :
       {R"({"secret":""})", R"({"secret":" "})", R"({"secret":"a/"})", R"({"secret":"a/b/c/d/e","x":"y"})",
        R"({"secret":"a/b/c/d/e","secret":"a/b/c/d/e"})", R"({"secret":"a/b/c/d/e","x":null})"}) {
    expect_problem(verify(body), 400, "invalid_field");
  }
  for (const auto* body : {R"({"secret":"a"b"})", R"({"secret":"a/b"}})", R"({"secret":"a\"})",
                           R"({"secret":"a\x"})", R"({"secret":")", R"({"secret":"})", R"({"secret":a"})",
                           "{\"secret\":\"a\nb\"}", "{\"secret\":\"a\xc3\"}", "{\"secret\":\"\xff\"}", ""}) {
    expect_problem(verify(body), 400, "malformed");
  }
}

TEST(EngineService, RefusesMalformedBodies) {
  ServedEngine served;
  served.create("k1");
  auto client = served.client();
  for (const auto* body : {"", "{", "[]", "{}{}"}) {
    expect_problem(client.request("POST", "/v1/keys", {}, body), 400, "malformed");
  }
  for (const auto* body : {R"({"colour":"red"})", R"({"user":1})", R"({"user":""})", R"({"user":".."})",
                           R"({"a":1,"a":1})", R"({"secret":"short"})", R"({"secret_sha256":"12"})",
                           R"({"permissions":["a b"]})", R"({"permissions":"a"})",
                           R"({"expires_at":"tomorrow"})", R"({"metadata":[]})", R"({"key_id":"a/b"})"}) {
    expect_problem(client.request("POST", "/v1/keys", {}, body), 400, "invalid_field");
  }
  expect_problem(client.request("POST", "/v1/keys/verify", {}, R"({"secret":1})"), 400, "invalid_field");
  expect_problem(client.request("POST", "/v1/keys/revoke", {}, R"({"secrets":[]})"), 400, "invalid_field");
  expect_problem(client.request("DELETE", "/v1/keys/k1", {}, R"({"why":"x"})"), 400, "invalid_field");
  expect_problem(client.request("DELETE", "/v1/keys/k1?reason=" + std::string(257, 'a')), 400,
                 "invalid_parameter");
  EXPECT_EQ(client.get("/v1/keys/k1").json()["state"].text(), "active");
}

TEST(EngineService, ReasonIsUtf8) {
  ServedEngine served;
  served.create("k1");
  auto client = served.client();
  expect_problem(client.request("DELETE", "/v1/keys/k1?reason=%ff"), 400, "invalid_parameter");
  expect_problem(client.request("DELETE", "/v1/users/ann/keys?reason=%c3"), 400, "invalid_parameter");
  EXPECT_EQ(client.request("DELETE", "/v1/keys/k1?reason=%C3%A4").json()["reason"].text(), "\xc3\xa4");
}

TEST(EngineService, IdsAreFoundByWhatTheyDecodeTo) {
  ServedEngine served;
  served.create("k~1", "", "ann@example.org");
  auto client = served.client();
  EXPECT_EQ(client.get("/v1/keys/k%7E1").status, 200);
  EXPECT_EQ(client.request("DELETE", "/v1/users/ann%40example.org/keys/").json()["revoked"].number(), 1);
  expect_problem(client.request("DELETE", "/v1/keys/k%2F1"), 404, "key_not_found");
  expect_problem(client.request("DELETE", "/v1/keys/%00"), 404, "key_not_found");
  expect_problem(client.request("DELETE", "/v1/users/a%0Ab/keys"), 400, "invalid_owner_id");
}

TEST(EngineService, SecretsNeverComeBackInErrors) {
  ServedEngine served;
  auto client = served.client();
  const std::string secret = "a-very-secret-secret";
  for (const auto& body : {R"({"secret":")" + secret + R"(","colour":1})", R"({"secret":")" + secret + "\"",
                           R"({"secret":[")" + secret + "\"]}"}) {
    for (const auto* target : {"/v1/keys", "/v1/keys/verify", "/v1/keys/revoke"}) {
      const auto answer = client.request("POST", target, {}, body);
      EXPECT_EQ(answer.status, 400);
      EXPECT_EQ(answer.body.find(secret), std::string::npos);
    }
  }
}

}  // namespace revoked::net::engine_service_test
