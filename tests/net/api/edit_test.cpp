// PATCH /v1/keys/{key_id}: what it sets, who may call it, and what gateways receive.

#include "tests/net/dialects/dialect_fixture.hpp"
#include "tests/support/rfc3339.hpp"

namespace revoked::net::edit_test {

using revoked::test::Json;

class EditedKey : public DialectTest {
 protected:
  HttpResponse edit(const std::string& key_id, const std::string& body,
                    const std::string& credential = master) {
    return ask("PATCH", "/v1/keys/" + key_id, bearer(credential), body);
  }
  Json shown(const std::string& key_id) { return ask("GET", "/v1/keys/" + key_id, bearer(master)).json(); }
  std::string code(const std::string& key_id, const std::string& body,
                   const std::string& credential = master) {
    const auto answer = edit(key_id, body, credential);
    return std::to_string(answer.status) + " " + answer.json()["code"].text();
  }
  static std::string time_in(engine::UnixMs ms) { return revoked::test::rfc3339(engine::now_unix_ms() + ms); }
};

TEST_F(EditedKey, AnswersTheRecordAsItIsFromNowOn) {
  const auto key = create({.user = "ann", .permissions = "keys:read"});
  const auto end = time_in(60'000);
  const auto answer = edit(key, R"({"name":"laptop","expires_at":")" + end +
                                    R"(","permissions":["keys:verify"],"metadata":{"team":"blue"}})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_FALSE(answer.header("Revocation-Position").empty());
  for (const auto& record : {answer.json(), shown(key)}) {
    EXPECT_EQ(record["key_id"].text(), key);
    EXPECT_EQ(record["user"].text(), "ann");
    EXPECT_EQ(record["name"].text(), "laptop");
    EXPECT_EQ(record["expires_at"].text(), end);
    EXPECT_EQ(record["permissions"][0].text(), "keys:verify");
    EXPECT_EQ(record["permissions"].size(), 1u);
    EXPECT_EQ(record["metadata"]["team"].text(), "blue");
    EXPECT_EQ(record["state"].text(), "active");
  }
  const auto decision =
      ask("POST", "/v1/keys/verify", bearer(master), R"({"secret":")" + secret_of(key) + "\"}").json();
  EXPECT_EQ(decision["permissions"][0].text(), "keys:verify");
  EXPECT_EQ(decision["expires_at"].text(), end);

  ASSERT_EQ(edit(key, R"({"name":null,"expires_at":null,"permissions":null,"metadata":null})").status, 200);
  const auto bare = shown(key);
  EXPECT_FALSE(bare["name"].exists());
  EXPECT_FALSE(bare["metadata"].exists());
  EXPECT_EQ(bare["expires_at"].type(), Json::Type::null);
  EXPECT_EQ(bare["permissions"].size(), 0u);
}

TEST_F(EditedKey, P15UnderstoodRefusesWhatIsNotAnEdit) {
  const auto key = create({});
  const auto before = engine_.applied();
  for (const auto* body :
       {"", "{}", "[]", R"({"user":"bob"})", R"({"key_id":"x"})", R"({"secret":"0123456789abcdef"})",
        R"({"name":1})", R"({"expires_at":5})", R"({"expires_at":"soon"})", R"({"permissions":"a"})",
        R"({"permissions":["a b"]})", R"({"metadata":[]})", R"({"name":"a","name":"b"})",
        R"({"name":"a","state":"active"})"}) {
    EXPECT_EQ(edit(key, body).status, 400) << body;
  }
  EXPECT_NE(edit(key, R"({"user":"bob"})").body.find("user"), std::string::npos) << "it names the member";
  EXPECT_EQ(code("absent", R"({"name":"x"})"), "404 key_not_found");
  ASSERT_EQ(ask("DELETE", "/v1/keys/" + key, bearer(master)).status, 200);
  EXPECT_EQ(code(key, R"({"name":"x"})"), "409 already_revoked");
  EXPECT_EQ(engine_.applied(), before + 1);
}

TEST_F(EditedKey, NobodyGivesMoreThanTheyHave) {
  const auto end = engine::now_unix_ms() + 60'000;
  const auto writer = secret({.workspace = "w", .permissions = "keys:write keys:read", .expires_at = end});
  const auto key = create({.workspace = "w", .permissions = "keys:read"});
  const auto strong = create({.workspace = "w", .permissions = "keys:revoke"});
  const auto foreign = create({.workspace = "v"});
  EXPECT_EQ(code(key, R"({"permissions":["keys:read","keys:revoke"]})", writer), "403 forbidden");
  EXPECT_EQ(code(strong, R"({"permissions":[]})", writer), "403 forbidden");
  EXPECT_EQ(code(strong, R"({"name":"x"})", writer), "403 forbidden");
  EXPECT_EQ(code(foreign, R"({"name":"x"})", writer), "404 key_not_found");
  EXPECT_EQ(code(key, R"({"expires_at":null})", writer), "403 outlives_caller");
  EXPECT_EQ(code(key, R"({"expires_at":")" + time_in(120'000) + "\"}", writer), "403 outlives_caller");
  EXPECT_EQ(shown(key)["permissions"].size(), 1u);
  EXPECT_EQ(edit(key, R"({"name":"x"})", writer).status, 200) << "its expiry is unchanged";
  EXPECT_EQ(
      edit(key, R"({"permissions":["keys:write"],"expires_at":")" + time_in(30'000) + "\"}", writer).status,
      200);
}

TEST_F(EditedKey, IsInTheAuditTrailAndGatewaysHearOfIt) {
  const auto key = create({.user = "ann", .permissions = "keys:read"});
  const auto before = to_string(engine::Position{engine_.epoch(), engine_.applied()});
  ASSERT_EQ(edit(key, R"({"permissions":["a"],"name":null})").status, 200);
  const auto entries = ask("GET", "/v1/audit?key_id=" + key, bearer(master)).json()["entries"];
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[1]["verb"].text(), "key.changed");
  EXPECT_EQ(entries[1]["actor"].text(), "master");
  EXPECT_EQ(entries[1]["user"].text(), "ann");
  EXPECT_EQ(entries[1]["changed"]["permissions"][0].text(), "a");
  EXPECT_EQ(entries[1]["changed"]["name"].type(), Json::Type::null);
  EXPECT_FALSE(entries[1]["changed"]["expires_at"].exists());
  const auto page = ask("GET", "/v1/invalidations?after=" + before, bearer(master)).json();
  const auto event = page["messages"][0]["events"][0];
  EXPECT_EQ(event["type"].text(), "key.changed");
  EXPECT_EQ(event["key_id"].text(), key);
}

// Repeated, it has one effect.
TEST_F(EditedKey, P9HonestMayBeSentAgain) {
  const auto key = create({.permissions = "a"});
  const std::string body = R"({"permissions":["b","a"],"expires_at":"2100-01-01T00:00:00Z"})";
  const auto first = edit(key, body);
  const auto applied = engine_.applied();
  const auto second = edit(key, body);
  EXPECT_EQ(first.body, second.body);
  EXPECT_EQ(engine_.applied(), applied);
}

TEST_F(EditedKey, AnEditedCallerHasWhatTheEditLeftIt) {
  const auto key = create({.permissions = "keys:read keys:write"});
  ASSERT_EQ(ask("GET", "/v1/keys/" + key, bearer(secret_of(key))).status, 200);
  ASSERT_EQ(edit(key, R"({"permissions":["keys:write"]})").status, 200);
  EXPECT_EQ(ask("GET", "/v1/keys/" + key, bearer(secret_of(key))).status, 403);
}

}  // namespace revoked::net::edit_test
