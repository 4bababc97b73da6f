#include "tests/net/api/bulk_server.hpp"

namespace revoked::net::audit_test {

using namespace test;

class AuditTrail : public testing::Test {
 protected:
  HttpResponse post(HttpClient& client, const std::string& path, const std::string& body = "") {
    return client.request("POST", path, {{"X-Request-Id", "request-of-" + std::to_string(++requests_)}},
                          body);
  }
  Json audit(HttpClient& client, const std::string& query = "") {
    const auto answer = client.get("/v1/audit" + query);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }
  static std::vector<std::string> verbs(const Json& page) {
    std::vector<std::string> found;
    for (const auto& entry : page["entries"].items()) found.push_back(entry["verb"].text());
    return found;
  }
  using Verbs = std::vector<std::string>;

  ApiServer server_;
  HttpClient admin_ = server_.client();
  int requests_ = 0;
};

TEST_F(AuditTrail, TellsWhoDidWhatToWhichKeyWhenFromWhereAndWhy) {
  const auto created = post(admin_, "/v1/keys", R"({"key_id":"k","user":"ann","workspace":"acme"})");
  post(admin_, "/v1/keys/k/suspend", R"({"reason":"odd traffic"})");
  post(admin_, "/v1/keys/k/resume");
  const auto rotated = post(admin_, "/v1/keys/k/rotate");
  ASSERT_EQ(rotated.status, 200) << rotated.body;
  ASSERT_EQ(admin_.request("DELETE", "/v1/keys/k?reason=leaked").status, 200);
  const auto page = audit(admin_, "?key_id=k");
  EXPECT_EQ(verbs(page),
            (Verbs{"key.created", "key.suspended", "key.resumed", "key.rotated", "key.revoked"}));
  const auto& first = page["entries"][0];
  EXPECT_EQ(first["actor"].text(), "master");
  EXPECT_EQ(first["actor_kind"].text(), "master_key");
  EXPECT_EQ(first["address"].text(), "127.0.0.1");
  EXPECT_EQ(first["request_id"].text(), "request-of-1");
  EXPECT_EQ(first["user"].text(), "ann");
  EXPECT_EQ(first["position"].text(), created.json()["position"].text());
  EXPECT_EQ(first["at"].text(), created.json()["created_at"].text());
  EXPECT_EQ(page["entries"][4]["reason"].text(), "leaked");
  EXPECT_FALSE(page["more"].is_true());

  const auto whole = admin_.get("/v1/audit").body;
  for (const auto& answer : {created, rotated}) {
    const auto secret = answer.json()["secret"].text();
    EXPECT_EQ(whole.find(secret), std::string::npos);
    EXPECT_EQ(whole.find(hex_of(secret)), std::string::npos);
  }
}

TEST_F(AuditTrail, CanBeSearchedByActorAndUserAndReadOnFromAPosition) {
  post(admin_, "/v1/keys", R"({"key_id":"a1","user":"ann"})");
  post(admin_, "/v1/keys", R"({"key_id":"b1","user":"bob"})");
  const auto issuer = post(admin_, "/v1/keys", R"({"key_id":"issuer","permissions":["keys:create"]})").json();
  HttpClient by_key = server_.client(issuer["secret"].text());
  post(by_key, "/v1/keys", R"({"key_id":"a2","user":"ann"})");
  ASSERT_EQ(admin_.request("DELETE", "/v1/users/ann/keys?reason=gone").status, 200);
  EXPECT_EQ(verbs(audit(admin_, "?user=ann")), (Verbs{"key.created", "key.created", "owner.revoked"}));
  EXPECT_EQ(verbs(audit(admin_, "?actor=issuer")), (Verbs{"key.created"}));
  EXPECT_EQ(audit(admin_, "?actor=issuer")["entries"][0]["actor_kind"].text(), "key");
  EXPECT_EQ(verbs(audit(admin_, "?actor=issuer&user=bob")), Verbs{});
  const auto first = audit(admin_, "?limit=2");
  EXPECT_EQ(first["entries"].size(), 2u);
  EXPECT_TRUE(first["more"].is_true());
  const auto rest = audit(admin_, "?after=" + first["position"].text());
  EXPECT_EQ(rest["entries"].size(), 3u);
  EXPECT_EQ(rest["entries"][2]["id"].text(), "ann");
  EXPECT_EQ(admin_.get("/v1/audit?after=9-1").status, 410);
  EXPECT_EQ(admin_.get("/v1/audit?after=x").status, 400);
  EXPECT_EQ(by_key.get("/v1/audit").status, 403);
}

TEST_F(AuditTrail, ShowsATenantItsOwnEntriesAlone) {
  for (const auto* key : {R"({"key_id":"ours","user":"ann","workspace":"ours"})",
                          R"({"key_id":"theirs","user":"bob","workspace":"theirs"})"}) {
    ASSERT_EQ(post(admin_, "/v1/keys", key).status, 201);
  }
  const auto made =
      post(admin_, "/v1/keys", R"({"key_id":"us","workspace":"ours","permissions":["audit:read"]})");
  for (const auto* user : {"ann", "bob"})
    admin_.request("DELETE", std::string("/v1/users/") + user + "/keys");
  server_.client("nobody").request("DELETE", "/v1/keys/ours");
  HttpClient tenant = server_.client(made.json()["secret"].text());
  const auto page = audit(tenant);
  EXPECT_EQ(verbs(page), (Verbs{"key.created", "key.created", "owner.revoked"}));
  EXPECT_EQ(page["entries"][2]["id"].text(), "ann");
  EXPECT_EQ(verbs(audit(tenant, "?key_id=theirs")), Verbs{});
}

TEST_F(AuditTrail, KeepsRefusedAttemptsOfStrangersTogetherAndNothingThatTheyWrote) {
  post(admin_, "/v1/keys", R"({"key_id":"k"})");
  HttpClient stranger = server_.client("nobody");
  EXPECT_EQ(stranger.request("DELETE", "/v1/keys/rvk_this-may-be-a-secret").status, 401);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(stranger.request("DELETE", "/v1/keys/k").status, 401);
  EXPECT_EQ(stranger.get("/v1/keys/k").status, 401);
  EXPECT_TRUE(revoked::test::eventually([&] { return audit(admin_)["entries"].size() > 1; }));
  const auto answer = admin_.get("/v1/audit");
  const auto page = answer.json();
  EXPECT_LE(page["entries"].size(), 3u) << "one per minute";
  EXPECT_EQ(page["entries"][1]["verb"].text(), "attempt.refused");
  EXPECT_EQ(page["entries"][1]["reason"].text(), "401 DELETE /v1/keys/{}");
  EXPECT_EQ(answer.body.find("this-may-be"), std::string::npos);
  EXPECT_EQ(admin_.get("/v1/keys/k").json()["state"].text(), "active");
}

TEST_F(AuditTrail, KeepsAKnownCallersRefusedAttemptsWhateverStrangersDo) {
  post(admin_, "/v1/keys", R"({"key_id":"k"})");
  const auto made = post(admin_, "/v1/keys", R"({"key_id":"leaked","permissions":["keys:read"]})").json();
  HttpClient stranger = server_.client("nobody");
  HttpClient leaked = server_.client(made["secret"].text());
  for (int i = 0; i < 20; ++i) {
    for (int j = 0; j < 20; ++j) EXPECT_EQ(stranger.request("DELETE", "/v1/keys/k").status, 401);
    EXPECT_EQ(leaked.request("DELETE", "/v1/keys/k").status, 403);
  }
  EXPECT_TRUE(
      revoked::test::eventually([&] { return audit(admin_, "?actor=leaked")["entries"].size() == 20; }));
  EXPECT_EQ(audit(admin_, "?actor=leaked")["entries"][0]["key_id"].text(), "k");
}

}  // namespace revoked::net::audit_test
