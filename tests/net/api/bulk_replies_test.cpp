#include "net/api/reply_key.hpp"
#include "net/api/reply_table.hpp"
#include "tests/net/api/bulk_server.hpp"

namespace revoked::net::bulk_replies_test {

using namespace test;
using Claim = ReplyTable::Claim;

class RepeatedChanges : public testing::Test {
 protected:
  HttpResponse post(const std::string& path, const std::string& body, const std::string& key) {
    return admin_.request("POST", path, {{"Idempotency-Key", key}}, body);
  }
  ApiServer server_;
  HttpClient admin_ = server_.client();
};

TEST_F(RepeatedChanges, HaveTheFirstOnesAnswerAndNoSecondEffect) {
  const auto first = post("/v1/keys", R"({"user":"ann"})", "one");
  ASSERT_EQ(first.status, 201) << first.body;
  const auto after = server_.engine().applied();
  const auto again = post("/v1/keys", R"({"user":"ann"})", "one");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.header("Location"), first.header("Location"));
  EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
  EXPECT_NE(again.header("X-Request-Id"), first.header("X-Request-Id"));
  EXPECT_EQ(server_.engine().applied(), after);
  EXPECT_NE(post("/v1/keys", R"({"user":"ann"})", "two").body, first.body);

  const auto id = first.json()["key_id"].text();
  const auto rotated = post("/v1/keys/" + id + "/rotate", "", "one");  // another route: another request
  ASSERT_EQ(rotated.status, 200) << rotated.body;
  EXPECT_EQ(post("/v1/keys/" + id + "/rotate", "", "one").body, rotated.body);
}

TEST_F(RepeatedChanges, ThatDifferAreRefused) {
  ASSERT_EQ(post("/v1/keys", R"({"user":"ann"})", "one").status, 201);
  const auto other = post("/v1/keys", R"({"user":"bob"})", "one");
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(other.json()["code"].text(), "idempotency_key_reused");
  EXPECT_EQ(post("/v1/keys", "{}", std::string(256, 'x')).status, 400);
}

TEST_F(RepeatedChanges, OfDifferentCallersAreDifferent) {
  const auto made = admin_.request("POST", "/v1/keys", {}, R"({"permissions":["keys:create"]})").json();
  const auto first = post("/v1/keys", "{}", "one");
  const auto theirs =
      server_.client(made["secret"].text()).request("POST", "/v1/keys", {{"Idempotency-Key", "one"}}, "{}");
  EXPECT_EQ(theirs.status, 201);
  EXPECT_NE(theirs.body, first.body);
}

TEST_F(RepeatedChanges, AreNotAnsweredBeforeTheDiskHasTheFirst) {
  const auto made = post("/v1/keys", "{}", "one");
  ASSERT_EQ(made.status, 201);
  server_.disk().block();
  const auto path = "/v1/keys/" + made.json()["key_id"].text() + "/suspend";
  for (int i = 0; i < 2; ++i) {
    HttpClient impatient(server_.client());
    impatient.send(impatient.format("POST", path, {{"Idempotency-Key", "two"}}));
    EXPECT_FALSE(impatient.is_closed_within(std::chrono::milliseconds(100)));
  }
  server_.disk().unblock();
  EXPECT_EQ(post(path, "", "two").status, 200);
}

TEST_F(RepeatedChanges, BySecretWaitForTheirDetailsAndAreKeptAsWell) {
  const auto made = post("/v1/keys", "{}", "one").json();
  const auto body = R"({"secret":")" + made["secret"].text() + "\"}";
  const auto first = post("/v1/keys/revoke", body, "two");
  ASSERT_EQ(first.status, 200) << first.body;
  const auto again = post("/v1/keys/revoke", body, "two");
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
}

TEST_F(RepeatedChanges, ThatDoNotWaitForTheDiskAreLabelled) {
  const auto made = post("/v1/keys", "{}", "one").json();
  const auto path = "/v1/keys/" + made["key_id"].text();
  EXPECT_EQ(admin_.get(path, {{"Prefer", "respond-async"}}).status, 200);
  server_.disk().block();
  const auto answer = admin_.request("DELETE", path, {{"Prefer", "respond-async"}});
  EXPECT_EQ(answer.status, 202) << answer.body;
  EXPECT_EQ(answer.header("Preference-Applied"), "respond-async");
  EXPECT_EQ(answer.json()["state"].text(), "revoked");
  EXPECT_EQ(admin_.get(path).json()["state"].text(), "revoked");
  server_.disk().unblock();
  const auto again = admin_.request("DELETE", path);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.json()["position"].text(), answer.json()["position"].text());
}

TEST_F(RepeatedChanges, BySecretAndOfWhatWasRevokedJustNowNeedNotWaitEither) {
  const auto one = post("/v1/keys", "{}", "one").json();
  const auto two = post("/v1/keys", "{}", "two").json();
  server_.disk().block();
  const Headers async{{"Prefer", "respond-async"}};
  const auto by_secret =
      admin_.request("POST", "/v1/keys/revoke", async,
                     R"({"secrets":[")" + one["secret"].text() + R"(","unknown secret"]})");
  EXPECT_EQ(by_secret.status, 202) << by_secret.body;
  EXPECT_EQ(by_secret.json()["results"][0]["key_id"].text(), one["key_id"].text());
  EXPECT_EQ(by_secret.json()["results"][0]["state"].text(), "revoked");
  EXPECT_EQ(by_secret.json()["results"][1]["state"].text(), "unknown");
  const auto again = admin_.request("DELETE", "/v1/keys/" + one["key_id"].text(), async);
  EXPECT_EQ(again.status, 202) << again.body;
  EXPECT_EQ(again.json()["position"].text(), by_secret.json()["results"][0]["position"].text());
  server_.disk().unblock();
  const auto known = admin_.request("DELETE", "/v1/keys/" + one["key_id"].text());
  EXPECT_EQ(known.status, 200);
  EXPECT_EQ(known.json()["position"].text(), again.json()["position"].text());
  EXPECT_EQ(admin_.request("DELETE", "/v1/keys/" + one["key_id"].text(), async).json()["revoked_at"].text(),
            known.json()["revoked_at"].text());
}

TEST_F(RepeatedChanges, AreRefusedWhileTheFirstIsBeingAnswered) {
  const auto made = post("/v1/keys", "{}", "one").json();
  const auto body = R"({"secret":")" + made["secret"].text() + "\"}";
  server_.disk().block();
  HttpClient first(server_.client());
  first.send(first.format("POST", "/v1/keys/revoke", {{"Idempotency-Key", "two"}}, body));
  server_.disk().wait_until_blocked();
  const auto second = post("/v1/keys/revoke", body, "two");
  EXPECT_EQ(second.status, 409) << second.body;
  EXPECT_EQ(second.json()["code"].text(), "request_in_progress");
  server_.disk().unblock();
  const auto answer = first.receive();
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(post("/v1/keys/revoke", body, "two").body, answer.body);
}

TEST_F(RepeatedChanges, AreWelcomeOnceAnOverloadedEngineHasCaughtUp) {
  server_.disk().block();
  const std::string metadata = "{\"a\":\"" + std::string(4000, 'x') + "\"}";
  for (int i = 0;; ++i) {
    engine::NewKey key;
    key.digest = engine::sha256(std::to_string(i));
    key.metadata = metadata;
    if (const auto made = server_.engine().create(key, {}); !made) {
      ASSERT_EQ(made.error(), engine::errc::overloaded);
      break;
    }
    ASSERT_LT(i, 100'000);
  }
  const auto refused = post("/v1/keys", "{}", "one");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.json()["code"].text(), "overloaded");
  EXPECT_EQ(refused.header("Retry-After"), "1");
  const auto published =
      admin_.request("DELETE", "/v1/flowplate/api-keys/user/ann", {{"X-API-Key", master_key}});
  EXPECT_EQ(published.status, 503);
  EXPECT_EQ(published.json()["error"]["code"].text(), "SERVICE_UNAVAILABLE");
  EXPECT_EQ(published.header("Retry-After"), "1");
  server_.disk().unblock();
  EXPECT_TRUE(revoked::test::eventually([&] { return post("/v1/keys", "{}", "one").status == 201; }));
}

TEST_F(RepeatedChanges, AndOthersSayWhatTheyMeanInAWellFormedQuery) {
  const auto path = "/v1/keys/" + post("/v1/keys", "{}", "one").json()["key_id"].text();
  for (const auto* query : {"?reason=%zz", "?reason=leaked%2", "?reason=%", "?reason=a&x=%G0"}) {
    const auto refused = admin_.request("DELETE", path + query);
    EXPECT_EQ(refused.status, 400) << query;
    EXPECT_EQ(refused.json()["code"].text(), "invalid_parameter");
  }
  EXPECT_EQ(admin_.get("/v1/keys?user=%zz").status, 400) << "not all keys";
  EXPECT_EQ(admin_.get(path).json()["state"].text(), "active");
  EXPECT_EQ(admin_.request("DELETE", path + "?reason=100%25%20sure").json()["reason"].text(), "100% sure");
}

ReplyTable::Asked asked_by(const std::string& tenant, const std::string& name,
                           const std::string& request = "a", const std::string& credential = "c") {
  return {engine::sha256(tenant + " " + name), engine::sha256(tenant), engine::sha256(credential),
          engine::sha256(request)};
}

class ReplyTableTest : public testing::Test {
 protected:
  static constexpr std::size_t size = ReplyTable::overhead + 100;  // of one response
  Claim claim(const ReplyTable::Asked& asked, std::chrono::hours later = {}) {
    return table_.claim(asked, now_ + later, reply_);
  }
  void put(const ReplyTable::Asked& asked) {
    EXPECT_EQ(claim(asked), Claim::first);
    table_.complete(asked.name, now_, {std::string(size - ReplyTable::overhead, 'x'), 7});
  }
  // Leaves no claim.
  bool has(const ReplyTable::Asked& asked) {
    const auto claimed = claim(asked);
    if (claimed == Claim::first) table_.abandon(asked.name);
    return claimed == Claim::again;
  }

  ReplyTable table_{{.bytes = 10 * size, .share = 4 * size, .age = std::chrono::hours(1)}};
  ReplyTable::Reply reply_;
  const ReplyTable::Clock::time_point now_ = ReplyTable::Clock::now();
};

TEST_F(ReplyTableTest, ClaimsAreExclusiveUntilTheyAreCompleteOrAbandoned) {
  const auto asked = asked_by("t", "n");
  EXPECT_EQ(claim(asked), Claim::first);
  EXPECT_EQ(claim(asked), Claim::in_progress);
  EXPECT_EQ(claim(asked_by("t", "n", "b")), Claim::other_request);
  EXPECT_EQ(claim(asked_by("t", "n", "a", "d")), Claim::other_credential);
  table_.abandon(asked.name);
  EXPECT_EQ(claim(asked), Claim::first);
  table_.complete(asked.name, now_, {"done", 7});
  table_.abandon(asked.name);
  EXPECT_EQ(claim(asked), Claim::again);
  EXPECT_EQ(reply_.sealed, "done");
  EXPECT_EQ(reply_.durable_after, 7u);
  EXPECT_EQ(claim(asked_by("t", "n", "a", "d")), Claim::other_credential);
  EXPECT_EQ(claim(asked, std::chrono::hours(1)), Claim::first) << "too old";
}

TEST_F(ReplyTableTest, P13FairWhoHasMoreThanItsShareLosesItsOwnOldest) {
  put(asked_by("victim", "one"));
  for (int i = 0; i < 1000; ++i) put(asked_by("flood", std::to_string(i)));
  EXPECT_TRUE(has(asked_by("victim", "one")));
  EXPECT_TRUE(has(asked_by("flood", "996")));
  EXPECT_FALSE(has(asked_by("flood", "995")));
}

TEST_F(ReplyTableTest, P13FairWhoeverHasMostMakesRoomForAll) {
  for (const auto* tenant : {"a", "b"}) {
    for (int i = 0; i < 4; ++i) put(asked_by(tenant, std::to_string(i)));
  }
  for (int i = 0; i < 100; ++i) put(asked_by("c", std::to_string(i)));
  for (int i = 0; i < 2; ++i) put(asked_by("d", std::to_string(i)));
  EXPECT_TRUE(has(asked_by("d", "0")) && has(asked_by("d", "1"))) << "the smallest tenant loses nothing";
  for (const auto* tenant : {"a", "b"}) {
    EXPECT_TRUE(has(asked_by(tenant, "2")) && has(asked_by(tenant, "3")));
  }
  EXPECT_TRUE(has(asked_by("c", "99")));
}

TEST_F(ReplyTableTest, AnAnswerLargerThanAShareIsNotKept) {
  const auto large = asked_by("t", "large");
  put(asked_by("other", "n"));
  EXPECT_EQ(claim(large), Claim::first);
  table_.complete(large.name, now_, {std::string(4 * size, 'x'), 0});
  EXPECT_FALSE(has(large));
  EXPECT_TRUE(has(asked_by("other", "n")));
}

TEST(ReplyKey, OpensWhatTheSameCallerSealed) {
  const ReplyKey key("the credential", "the key");
  const auto name = engine::sha256("name");
  const std::string text = "rvk_a-secret-in-an-answer";
  for (const auto& plain : {text, std::string()}) {
    const auto sealed = key.seal(plain, name);
    EXPECT_EQ(ReplyKey("the credential", "the key").open(sealed, name), plain);
    EXPECT_FALSE(ReplyKey("another credential", "the key").open(sealed, name));
    EXPECT_FALSE(ReplyKey("the credential", "another key").open(sealed, name));
    EXPECT_FALSE(ReplyKey("the credentialt", "he key").open(sealed, name));
    EXPECT_FALSE(key.open(sealed, engine::sha256("another")));
    for (std::size_t i = 0; i < sealed.size(); ++i) {
      auto broken = sealed;
      broken[i] = static_cast<char>(broken[i] ^ 1);
      EXPECT_FALSE(key.open(broken, name));
      EXPECT_FALSE(key.open(sealed.substr(0, i), name));
    }
  }
  const auto sealed = key.seal(text, name);
  EXPECT_EQ(sealed.find(text.substr(0, 8)), std::string::npos);
  EXPECT_NE(sealed, key.seal(text, name)) << "a new nonce each time";
  EXPECT_EQ(key.mark(), ReplyKey("the credential", "the key").mark());
  EXPECT_NE(key.mark(), ReplyKey("another credential", "the key").mark());
}

}  // namespace revoked::net::bulk_replies_test
