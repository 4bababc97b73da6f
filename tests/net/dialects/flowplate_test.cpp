// The flowplate dialect: every answer of its document, from the cause that it names.

#include "tests/net/dialects/dialect_fixture.hpp"

namespace revoked::net::flowplate_test {

class Flowplate : public DialectTest {
 protected:
  static constexpr auto path = "/v1/flowplate/api-keys/user/";
  const Headers admin_{{"X-Flowplate-Master-Key", master}};

  void expect_error(const HttpResponse& answer, int status, std::string_view code, std::string_view type) {
    expect_json(answer, status);
    EXPECT_FALSE(answer.json()["success"].is_true());
    const auto error = answer.json()["error"];
    EXPECT_EQ(error.size(), 8u) << answer.body;
    EXPECT_EQ(error["code"].text(), code);
    EXPECT_EQ(error["type"].text(), type);
    EXPECT_EQ(error["status"].number(), status);
    EXPECT_FALSE(error["message"].text().empty());
    EXPECT_FALSE(error["system_message"].text().empty());
    EXPECT_EQ(error["details"].type(), revoked::test::Json::Type::object);
    EXPECT_EQ(error["trace_id"].text(), answer.header("X-Request-Id"));
    EXPECT_TRUE(engine::parse_rfc3339(error["timestamp"].text()));
  }
};

TEST_F(Flowplate, RevokesAllKeysOfAUser) {
  const auto one = create({.user = "ann@example.com"});
  const auto two = create({.user = "ann@example.com"});
  const auto other = create({.user = "bob"});
  for (int i = 0; i < 2; ++i) {
    const auto answer = ask("DELETE", path + std::string("ann%40example.com"), admin_);
    expect_json(answer, 200);
    EXPECT_EQ(answer.body, R"({"success":true,"message":"Operation completed successfully"})");
    EXPECT_EQ(answer.header("Revocation-Position"), "1-5") << "again: the same";
  }
  EXPECT_TRUE(is_revoked(one) && is_revoked(two) && is_active(other));
  EXPECT_EQ(reason_of(one), "flowplate");
}

TEST_F(Flowplate, SucceedsForAUserWithoutKeys) {
  const auto before = engine_.applied();
  expect_json(ask("DELETE", path + std::string("nobody/"), admin_), 200);
  EXPECT_EQ(engine_.applied(), before);
}

TEST_F(Flowplate, TakesAKeyWithThePermission) {
  const auto key = create({.user = "ann"});
  expect_json(ask("DELETE", path + std::string("ann"), {{"X-API-Key", secret({.permissions = revoker})}}),
              200);
  EXPECT_TRUE(is_revoked(key));
}

TEST_F(Flowplate, RefusesWhoHasNoGoodKey) {
  const auto key = create({.user = "ann"});
  const auto api_key = secret({.permissions = revoker});
  for (const Headers& headers :
       {Headers{}, Headers{{"X-API-Key", "wrong"}}, Headers{{"X-Flowplate-Master-Key", api_key}},
        Headers{{"X-Flowplate-Master-Key", "wrong"}, {"X-API-Key", api_key}}, bearer(master),
        Headers{{"X-API-Key", secret({.permissions = revoker, .expires_at = 1})}}}) {
    const auto answer = ask("DELETE", path + std::string("ann"), headers);
    expect_error(answer, 401, "AUTHENTICATION_REQUIRED", "authentication_error");
    EXPECT_EQ(answer.json()["error"]["message"].text(),
              "Authentication required. Please provide a valid API key.");
    EXPECT_EQ(answer.json()["error"]["system_message"].text(), "Missing or invalid authorization header");
  }
  EXPECT_TRUE(is_active(key));
}

TEST_F(Flowplate, RefusesAKeyWithoutThePermission) {
  const auto answer =
      ask("DELETE", path + std::string("ann"), {{"X-API-Key", secret({.permissions = "keys:read"})}});
  expect_error(answer, 403, "INSUFFICIENT_PERMISSIONS", "authorization_error");
  EXPECT_EQ(answer.json()["error"]["system_message"].text(), "Insufficient permissions for this operation");
}

TEST_F(Flowplate, RevokesOneKey) {
  const auto key = create({.user = "ann"}, upper(absent_id));
  const auto other = create({.user = "ann"});
  for (int i = 0; i < 2; ++i) expect_json(ask("DELETE", "/v1/flowplate/api-keys/" + absent_id, admin_), 200);
  EXPECT_TRUE(is_revoked(key) && is_active(other));
  expect_error(ask("DELETE", "/v1/flowplate/api-keys/none", admin_), 404, "RESOURCE_NOT_FOUND",
               "not_found_error");
}

TEST_F(Flowplate, CreatesAKeyThatIsGoodAtOnce) {
  const auto answer = ask("POST", "/v1/flowplate/api-keys", admin_, R"({"user_id":"ann","name":"laptop"})");
  expect_json(answer, 201);
  EXPECT_TRUE(answer.json()["success"].is_true());
  EXPECT_EQ(answer.json()["user_id"].text(), "ann");
  EXPECT_EQ(answer.json()["name"].text(), "laptop");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  engine::Decision decision;
  ASSERT_TRUE(
      engine_.verify(engine::sha256(answer.json()["api_key"].text()), engine::now_unix_ms(), decision));
  EXPECT_EQ(decision.state, engine::KeyState::active);
  EXPECT_EQ(decision.key_id, answer.json()["key_id"].text());
}

TEST_F(Flowplate, RefusesWhatIsNotAKey) {
  for (const auto* body :
       {"", "[]", R"({"colour":"red"})", R"({"user_id":"a","user":"b"})", R"({"user_id":".."})"}) {
    expect_error(ask("POST", "/v1/flowplate/api-keys", admin_, body), 400, "VALIDATION_ERROR",
                 "invalid_request_error");
  }
  const Headers limited{{"X-API-Key", secret({.user = "ann", .permissions = "keys:create"})}};
  expect_error(ask("POST", "/v1/flowplate/api-keys", limited, R"({"user_id":"bob"})"), 403,
               "INSUFFICIENT_PERMISSIONS", "authorization_error");
}

TEST_F(Flowplate, SaysItInItsOwnWordsWhereThereIsNothing) {
  create({.user = "ann"}, "user");
  for (const auto* nothing : {"/v1/flowplate/api-keys/user/", "/v1/flowplate/api-keys/user"}) {
    expect_error(ask("DELETE", nothing, admin_), 404, "RESOURCE_NOT_FOUND", "not_found_error");
  }
  EXPECT_TRUE(is_active("user"));
  expect_error(ask("DELETE", "/v1/flowplate/api-keys/user/a/b", admin_), 404, "RESOURCE_NOT_FOUND",
               "not_found_error");
  const auto refused = ask("GET", path + std::string("ann"), admin_);
  expect_error(refused, 405, "METHOD_NOT_ALLOWED", "invalid_request_error");
  EXPECT_EQ(refused.header("Allow"), "DELETE, OPTIONS");
  expect_error(ask("DELETE", path + std::string("a%0Ab"), admin_), 400, "VALIDATION_ERROR",
               "invalid_request_error");
}

TEST_F(Flowplate, IsTracedByTheRequestsIdOrTraceparent) {
  const std::string trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  const std::string parent = "00-" + trace_id + "-00f067aa0ba902b7-01";
  const auto trace_of = [&](const Headers& headers) {
    const auto answer = ask("DELETE", path + std::string("ann"), headers);
    return answer.json()["error"]["trace_id"].text() + " " + answer.header("X-Request-Id");
  };
  EXPECT_EQ(trace_of({{"X-Request-Id", "req_1"}}), "req_1 req_1");
  EXPECT_EQ(trace_of({{"traceparent", parent}}), trace_id + " " + trace_id);
  EXPECT_EQ(trace_of({{"traceparent", parent}, {"X-Request-Id", "req_2"}}), trace_id + " req_2");
  for (const auto& bad : {"ff" + parent.substr(2), parent + "0", parent.substr(1), upper(parent),
                          "00-" + std::string(32, '0') + "-00f067aa0ba902b7-01"}) {
    EXPECT_NE(trace_of({{"traceparent", bad}}).substr(0, 32), trace_id) << bad;
  }
}

}  // namespace revoked::net::flowplate_test
