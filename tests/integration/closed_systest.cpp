// What is not known to be good is denied; a repeated request has one effect.

#include <gtest/gtest.h>

#include "engine/base/time.hpp"
#include "tests/support/revoked_programs.hpp"
#include "tests/support/rfc3339.hpp"

namespace revoked::test::closed_systest {

class WithGateway : public testing::Test {
 protected:
  EngineProcess engine_;
  GatewayProcess gateway_{engine_};
  HttpClient admin_ = engine_.client();
  HttpClient client_ = gateway_.client();
};

using P7Closed = WithGateway;
using P9Honest = WithGateway;

TEST_F(P7Closed, TheGatewayAllowsOnlyALiveKeyAndSaysWhoseItIs) {
  const CreatedKey key =
      create_key(admin_, {{"user", "u1"}, {"application", "a1"}, {"workspace", "w1"}, {"name", "n1"}});
  const HttpResponse allowed = check(client_, key.secret);
  EXPECT_EQ(allowed.status, 200) << allowed.body;
  EXPECT_EQ(allowed.header("X-Key-Id"), key.key_id);
  EXPECT_EQ(allowed.header("X-User-Id"), "u1");
  EXPECT_EQ(allowed.header("X-Application-Id"), "a1");
  EXPECT_EQ(allowed.header("X-Workspace-Id"), "w1");
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
    EXPECT_EQ(client_.request(method, "/check", {{"X-API-Key", key.secret}}).status, 200) << method;
  }
}

TEST_F(P7Closed, TheGatewayDeniesWhatIsMissingUnknownOrMalformed) {
  const HttpResponse missing = client_.get("/check");
  EXPECT_EQ(missing.status, 401);
  EXPECT_FALSE(missing.header("WWW-Authenticate").empty());
  for (const std::string& secret : {std::string("x"), std::string("rvk_0000"), std::string(300, 'a'),
                                    std::string("\xff\xfe\x80"), std::string("\"}{")}) {
    const int status = check(client_, secret).status;
    EXPECT_TRUE(status == 401 || status == 400) << secret << ": " << status;
  }
  for (const char* value : {"Bearer", "Bearer ", "Basic dTpw", "bearer"}) {
    const int status = client_.get("/check", {{"Authorization", value}}).status;
    EXPECT_TRUE(status == 401 || status == 400) << value << ": " << status;
  }
}

TEST_F(P7Closed, AKeyExpiresAtTheGatewayWithoutAWordFromTheEngine) {
  const std::string soon = rfc3339(engine::now_unix_ms() + 2'000);
  const CreatedKey key = create_key(admin_, {{"expires_at", soon}});
  EXPECT_EQ(check(client_, key.secret).status, 200);
  EXPECT_TRUE(eventually([&] { return check(client_, key.secret).status == 403; }, 5s));
  // The gateway's estimate of the engine's time is never behind it: the gateway may deny first.
  EXPECT_TRUE(eventually([&] { return verify(admin_, key.secret)["state"].text() == "expired"; }, 5s));
}

TEST_F(P7Closed, TheEngineRefusesCallersWithoutItsMasterKey) {
  const CreatedKey key = create_key(admin_);
  HttpClient stranger(engine_.port());
  for (const Headers& headers :
       {Headers{}, Headers{{"Authorization", "Bearer nonsense"}}, Headers{{"X-API-Key", "nonsense"}}}) {
    EXPECT_EQ(stranger.request("DELETE", "/v1/keys/" + key.key_id, headers).status, 401);
    EXPECT_EQ(stranger.request("POST", "/v1/keys", headers, "{}").status, 401);
    EXPECT_EQ(stranger.request("POST", "/v1/keys/verify", headers, R"({"secret":"x"})").status, 401);
    EXPECT_EQ(stranger.request("DELETE", "/v1/users/u/keys", headers).status, 401);
  }
  EXPECT_EQ(state_of(admin_, key.key_id), "active");
}

TEST_F(P7Closed, MalformedRequestsChangeNothing) {
  const auto before = position_of(admin_.get("/v1/invalidations"));
  for (const std::string body :
       {"", "{", "[]", "null", R"({"user":1})", R"({"user":"."})", R"({"user":"u","user":"v"})",
        R"({"unknown_member":1})", R"({"expires_at":"tomorrow"})", "{}x"}) {
    const HttpResponse response = admin_.request("POST", "/v1/keys", {}, body.empty() ? " " : body);
    EXPECT_EQ(response.status, 400) << body << ": " << response.body;
    EXPECT_TRUE(response.header("Content-Type").starts_with("application/problem+json")) << body;
    EXPECT_FALSE(response.json()["code"].text().empty()) << body;
    EXPECT_FALSE(response.header("X-Request-Id").empty()) << body;
  }
  EXPECT_EQ(admin_.request("DELETE", "/v1/keys/no-such-key").status, 404);
  EXPECT_EQ(admin_.get("/v1/keys/no-such-key").status, 404);
  EXPECT_EQ(admin_.get("/nowhere").status, 404);
  EXPECT_EQ(admin_.request("PUT", "/v1/keys").status, 405);
  EXPECT_FALSE(verify(admin_, "unknown secret")["active"].is_true());
  EXPECT_EQ(verify(admin_, "unknown secret")["state"].text(), "unknown");
  EXPECT_EQ(position_of(admin_.get("/v1/invalidations")), before);
}

TEST_F(P9Honest, ARepeatedRevocationHasTheSameAnswerAndNoSecondEffect) {
  const CreatedKey key = create_key(admin_);
  const HttpResponse first = admin_.request("DELETE", "/v1/keys/" + key.key_id + "?reason=leaked");
  EXPECT_EQ(first.status, 200);
  const Json answer = first.json();
  EXPECT_EQ(answer["key_id"].text(), key.key_id);
  EXPECT_EQ(answer["state"].text(), "revoked");
  EXPECT_EQ(answer["reason"].text(), "leaked");
  EXPECT_TRUE(engine::parse_rfc3339(answer["revoked_at"].text()).has_value()) << first.body;
  EXPECT_EQ(first.header("Revocation-Position"), answer["position"].text());
  const auto after_first = position_of(admin_.get("/v1/invalidations"));

  const HttpResponse second = admin_.request("DELETE", "/v1/keys/" + key.key_id + "?reason=again");
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(position_of(admin_.get("/v1/invalidations")), after_first);
}

TEST_F(P9Honest, RevokesByTheSecretThatLeaked) {
  const CreatedKey one = create_key(admin_);
  const CreatedKey two = create_key(admin_);
  EXPECT_EQ(admin_.request("POST", "/v1/keys/revoke", {}, json_object({{"secret", one.secret}})).status, 200);
  EXPECT_EQ(state_of(admin_, one.key_id), "revoked");
  const std::string both = R"({"secrets":[")" + two.secret + R"(","unknown-secret"]})";
  EXPECT_EQ(admin_.request("POST", "/v1/keys/revoke", {}, both).status, 200);
  EXPECT_EQ(state_of(admin_, two.key_id), "revoked");
  EXPECT_TRUE(eventually([&] { return check(client_, two.secret).status == 403; }));
}

}  // namespace revoked::test::closed_systest
