// The applications, flowise and trieve dialects: every answer of each document, from the cause that it names.

#include "tests/net/dialects/dialect_fixture.hpp"

namespace revoked::net::dialects_test {

class Applications : public DialectTest {
 protected:
  static std::string path(const std::string& application, const std::string& key) {
    return "/api/v1/applications/" + application + "/api-keys/" + key;
  }
  Headers caller(std::map<std::string, std::string> claims = {}) const {
    claims.try_emplace("scope", R"("keys:revoke")");
    return bearer(token(std::move(claims)));
  }
  void expect_error(const HttpResponse& answer, int status, std::string_view error,
                    std::string_view message) {
    expect_json(answer, status);
    EXPECT_EQ(answer.json()["error"].text(), error);
    EXPECT_EQ(answer.json()["message"].text(), message);
    EXPECT_EQ(answer.json()["code"].number(), status);
  }
};

TEST_F(Applications, RevokesOneKeyOfTheApplication) {
  const auto key = create({.application = application_1});
  const auto other = create({.application = application_1});
  for (int i = 0; i < 2; ++i) {
    const auto answer = ask("DELETE", path(upper(application_1), upper(key)) + "/", caller());
    expect_json(answer, 200);
    EXPECT_EQ(answer.body, "{}");
  }
  EXPECT_TRUE(is_revoked(key) && is_active(other));
  EXPECT_EQ(reason_of(key), "applications");
}

TEST_F(Applications, NamesEachIdThatIsNotAUuid) {
  const auto fields = [&](const std::string& application, const std::string& key) {
    const auto answer = ask("DELETE", path(application, key), caller());
    expect_error(answer, 400, "Bad Request", "The request contains invalid parameters or malformed data");
    std::string names;
    const auto json = answer.json();
    for (const auto& detail : json["details"].items()) {
      names += detail["field"].text() + ":" + detail["message"].text() + ";";
    }
    return names;
  };
  EXPECT_EQ(fields("a", "%C3"), "id:Invalid UUID format;keyId:Invalid UUID format;");
  EXPECT_EQ(fields(application_1, "1111"), "keyId:Invalid UUID format;");
  EXPECT_EQ(fields(application_1 + "0", absent_id), "id:Invalid UUID format;");
}

TEST_F(Applications, TakesTokensAndNothingElse) {
  const auto key = create({.application = application_1});
  const auto good = token({{"scope", R"("keys:revoke")"}});
  for (const Headers& headers :
       {Headers{}, bearer(master), bearer(secret({.permissions = revoker})), bearer("a.b.c"),
        bearer(good + "x"), caller({{"exp", "1"}}), caller({{"aud", R"("others")"}}),
        Headers{{"Authorization", good}}, Headers{{"X-API-Key", good}}}) {
    expect_error(ask("DELETE", path(application_1, key), headers), 401, "Unauthorized",
                 "Authentication required. Please provide a valid API token");
  }
  EXPECT_TRUE(is_active(key));
}

TEST_F(Applications, RefusesATokenWithoutThePermission) {
  expect_error(ask("DELETE", path(application_1, absent_id), caller({{"scope", R"("keys:read")"}})), 403,
               "Forbidden", "You don't have permission to access this resource");
}

TEST_F(Applications, KeyOutOfReachLooksAbsent) {
  const auto here = create({.application = application_1, .workspace = "w1"});
  const auto there = create({.application = application_1, .workspace = "w2"});
  const auto none = create({});
  const auto caller_1 = caller({{"workspace", R"("w1")"}});
  for (const auto& target : {path(application_2, here), path(application_1, there),
                             path(application_1, absent_id), path(absent_id, none)}) {
    expect_error(ask("DELETE", target, caller_1), 404, "Not Found", "The requested resource was not found");
  }
  const auto of_another = caller({{"application", "[\"" + application_2 + "\"]"}});
  EXPECT_EQ(ask("DELETE", path(application_1, here), of_another).status, 404);
  EXPECT_TRUE(is_active(here) && is_active(there) && is_active(none));
  EXPECT_EQ(ask("DELETE", path(application_1, here), caller_1).status, 200);
}

class Flowise : public DialectTest {
 protected:
  static constexpr auto path = "/api/v1/apikey/";
  void expect_error(const HttpResponse& answer, int status, std::string_view message) {
    expect_json(answer, status);
    EXPECT_EQ(answer.json()["statusCode"].number(), status);
    EXPECT_EQ(answer.json()["error"].text(), reason_phrase(static_cast<unsigned>(status)));
    EXPECT_EQ(answer.json()["message"].text(), message);
  }
  Headers caller_ = bearer(secret_of("caller"));
  void SetUp() override {
    DialectTest::SetUp();
    create({.workspace = "w1", .permissions = revoker}, "caller");
  }
};

TEST_F(Flowise, DeletesAKeyOfTheWorkspaceOnce) {
  const auto key = create({.workspace = "w1"}, "key-789");
  const auto answer = ask("DELETE", path + key, caller_);
  expect_json(answer, 200);
  EXPECT_EQ(answer.body, R"({"affected":1,"raw":[]})");
  EXPECT_TRUE(is_revoked(key));
  EXPECT_EQ(reason_of(key), "flowise");
  const auto before = engine_.applied();
  expect_error(ask("DELETE", path + key, caller_), 404, "API key with specified ID not found");
  EXPECT_EQ(engine_.applied(), before);
}

TEST_F(Flowise, RefusesWhoHasNoGoodKey) {
  for (const Headers& headers :
       {Headers{}, bearer("wrong"), bearer(master), Headers{{"X-API-Key", secret_of("caller")}},
        Headers{{"Authorization", secret_of("caller")}}}) {
    expect_error(ask("DELETE", path + std::string("k"), headers), 401, "Invalid or missing authentication");
  }
}

TEST_F(Flowise, RefusesAKeyWithoutThePermission) {
  expect_error(ask("DELETE", path + std::string("k"), bearer(secret({.workspace = "w1"}))), 403,
               "Insufficient permissions to delete API keys");
}

TEST_F(Flowise, KeyOfAnotherWorkspaceLooksAbsent) {
  const auto foreign = create({.workspace = "w2"});
  expect_error(ask("DELETE", path + foreign, caller_), 404, "API key with specified ID not found");
  expect_error(ask("DELETE", path + absent_id, caller_), 404, "API key with specified ID not found");
  EXPECT_TRUE(is_active(foreign));
}

TEST_F(Flowise, WantsAnIdAndAWorkspace) {
  const std::string message = "Missing required ID parameter or workspace ID";
  expect_error(ask("DELETE", "/api/v1/apikey/", caller_), 412, message);
  expect_error(ask("DELETE", "/api/v1/apikey", caller_), 412, message);
  expect_error(ask("DELETE", path + std::string("k"), bearer(secret({.permissions = revoker}))), 412,
               message);
}

TEST_F(Flowise, SaysWhenItCannotDelete) {
  const auto key = create({.workspace = "w1"});
  disk_->fail_commit(1);
  EXPECT_THROW(ask("DELETE", path + key, caller_), revoked::test::ConnectionFailed)
      << "no response means unknown";
  ASSERT_TRUE(eventually([&] { return engine_.has_failed(); }));
  client_.emplace(server_->port());
  expect_error(ask("DELETE", path + key, caller_), 500, "Error deleting API key");
}

class Trieve : public DialectTest {
 protected:
  static constexpr auto path = "/api/user/api_key/";
  static void expect_error(const HttpResponse& answer, int status) {
    expect_json(answer, status);
    EXPECT_EQ(answer.json().size(), 1u);
    EXPECT_FALSE(answer.json()["message"].text().empty());
  }
  static void expect_nothing(const HttpResponse& answer) {
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer.body, "");
    EXPECT_EQ(answer.header("Content-Type"), "");
    EXPECT_EQ(answer.header("Content-Length"), "");
  }
};

TEST_F(Trieve, DeletesAKeyOfTheUserWhetherBareOrBearer) {
  const auto caller = secret({.user = "ann", .permissions = revoker});
  const auto one = create({.user = "ann"});
  const auto two = create({.user = "ann"});
  for (int i = 0; i < 2; ++i) expect_nothing(ask("DELETE", path + upper(one), {{"AUTHORIZATION", caller}}));
  expect_nothing(ask("DELETE", path + two + "/", {{"authorization", "bearer " + caller}}));
  EXPECT_TRUE(is_revoked(one) && is_revoked(two));
  EXPECT_EQ(reason_of(one), "trieve");
}

TEST_F(Trieve, DoesNotTellWhetherAnIdIsAnothers) {
  const auto caller = bearer(secret({.user = "ann", .workspace = "w1", .permissions = revoker}));
  const auto of_bob = create({.user = "bob", .workspace = "w1"});
  const auto elsewhere = create({.user = "ann", .workspace = "w2"});
  for (const auto& id : {of_bob, elsewhere, absent_id}) expect_nothing(ask("DELETE", path + id, caller));
  EXPECT_TRUE(is_active(of_bob) && is_active(elsewhere));
}

TEST_F(Trieve, DeletesAKeyOfTheOrganization) {
  const auto caller = bearer(secret({.workspace = "w1", .permissions = revoker}));
  const auto here = create({.user = "ann", .workspace = "w1"});
  const auto there = create({.user = "ann", .workspace = "w2"});
  expect_nothing(ask("DELETE", "/api/organization/api_key/" + here, caller));
  expect_nothing(ask("DELETE", "/api/organization/api_key/" + there, caller));
  EXPECT_TRUE(is_revoked(here) && is_active(there));
}

TEST_F(Trieve, RefusesWhatIsNotAUuid) {
  const auto caller = bearer(secret({.user = "ann", .permissions = revoker}));
  for (const auto* id : {"key-789", "%00", "11111111-aaaa-4aaa-8aaa-11111111111g"}) {
    expect_error(ask("DELETE", path + std::string(id), caller), 400);
  }
}

TEST_F(Trieve, RefusesWhoHasNoGoodKey) {
  for (const Headers& headers :
       {Headers{}, bearer("wrong"), Headers{{"Authorization", "wrong"}}, bearer(master)}) {
    expect_error(ask("DELETE", path + absent_id, headers), 401);
  }
  expect_error(ask("DELETE", path + absent_id, bearer(secret({.user = "ann"}))), 403);
  expect_error(ask("DELETE", path + absent_id, bearer(secret({.permissions = revoker}))), 403);
}

TEST_F(Trieve, KeyCanDeleteItself) {
  const auto self = create({.user = "ann", .permissions = revoker});
  expect_nothing(ask("DELETE", path + self, bearer(secret_of(self))));
  expect_error(ask("DELETE", path + self, bearer(secret_of(self))), 401);
}

}  // namespace revoked::net::dialects_test
