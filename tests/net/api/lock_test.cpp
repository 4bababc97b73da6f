// Locks of owners, over HTTP.

#include <future>

#include "tests/net/dialects/dialect_fixture.hpp"
#include "tests/support/rfc3339.hpp"

namespace revoked::net::lock_test {

class Lock : public DialectTest {
 protected:
  static Headers admin() { return bearer(master); }
  HttpResponse lock(const std::string& path, std::string_view body = {}, const Headers& headers = admin()) {
    return ask("PUT", path + "/lock", headers, body);
  }
  HttpResponse unlock(const std::string& path, const Headers& headers = admin()) {
    return ask("DELETE", path + "/lock", headers);
  }
  HttpResponse verify(const std::string& key_id) {
    return ask("POST", "/v1/keys/verify", admin(), R"({"secret":")" + secret_of(key_id) + "\"}");
  }
  std::string verified_state(const std::string& key_id) { return verify(key_id).json()["state"].text(); }
};

TEST_F(Lock, DeniesEveryKeyOfTheOwnerUntilItIsLifted) {
  for (const std::string scope : {"user", "application", "workspace"}) {
    KeySetup setup;
    (scope == "user" ? setup.user : scope == "application" ? setup.application : setup.workspace) = "o1";
    const auto key = create(setup);
    const auto path = "/v1/" + scope + "s/o1";
    const auto locked = lock(path, R"({"reason":"odd traffic"})");
    ASSERT_EQ(locked.status, 200) << locked.body;
    const auto position = locked.header("Revocation-Position");
    EXPECT_EQ(locked.body, R"({"scope":")" + scope +
                               R"(","id":"o1","locked":true,"expires_at":null,"position":")" + position +
                               "\"}");
    EXPECT_EQ(verified_state(key), "locked");
    EXPECT_FALSE(verify(key).json()["active"].is_true());
    EXPECT_EQ(ask("GET", "/v1/keys/" + key, admin()).json()["state"].text(), "locked");
    const auto later = create(setup);
    EXPECT_EQ(verified_state(later), "locked");

    const auto unlocked = unlock(path);
    ASSERT_EQ(unlocked.status, 200) << unlocked.body;
    EXPECT_EQ(unlocked.body, R"({"scope":")" + scope + R"(","id":"o1","locked":false,"position":")" +
                                 unlocked.header("Revocation-Position") + "\"}");
    EXPECT_EQ(verified_state(key), "active");
    EXPECT_EQ(verified_state(later), "active");
    EXPECT_EQ(unlock(path).status, 200) << "again";
  }
}

TEST_F(Lock, SaysUntilWhen) {
  const auto key = create({.user = "ann"});
  const auto end = revoked::test::rfc3339(engine::now_unix_ms() + 3'600'000);
  const auto locked = lock("/v1/users/ann", R"({"expires_at":")" + end + "\"}");
  EXPECT_EQ(locked.json()["expires_at"].text(), end) << locked.body;
  EXPECT_EQ(verify(key).json()["locked_until"].text(), end);
  EXPECT_EQ(lock("/v1/users/ann").json()["expires_at"].type(), revoked::test::Json::Type::null);
  EXPECT_NE(verify(key).body.find(R"("state":"locked")"), std::string::npos);
  EXPECT_NE(verify(key).body.find(R"("locked_until":null)"), std::string::npos);
}

TEST_F(Lock, RefusesWhatItDoesNotUnderstandAndChangesNothing) {
  const auto key = create({.user = "ann"});
  const auto before = engine_.applied();
  for (const std::string body : {R"({"expires_at":1893456000})", R"({"expires_at":"tomorrow"})",
                                 R"({"expires_at":"1999-01-01T00:00:00Z"})", R"({"reason":7})",
                                 R"({"until":"2099-01-01T00:00:00Z"})"}) {
    const auto refused = lock("/v1/users/ann", body);
    EXPECT_EQ(refused.status, 400) << body;
    EXPECT_EQ(refused.json()["code"].text(), "invalid_field");
    const auto member = body.substr(2, body.find('"', 2) - 2);
    EXPECT_NE(refused.json()["detail"].text().find(member), std::string::npos) << refused.body;
  }
  EXPECT_EQ(lock("/v1/users/ann", "[]").json()["code"].text(), "malformed");
  EXPECT_EQ(lock("/v1/users/a b").status, 400);
  EXPECT_EQ(ask("DELETE", "/v1/users/ann/lock", admin(), R"({"expires_at":null})").status, 400);
  EXPECT_EQ(engine_.applied(), before);
  EXPECT_EQ(verified_state(key), "active");
}

TEST_F(Lock, TakesThePermissionToRevokeAndItsEndThatToWrite) {
  const auto key = create({.user = "ann"});
  const auto revokes = bearer(secret({.permissions = "keys:revoke"}));
  const auto writes = bearer(secret({.permissions = "keys:write"}));
  EXPECT_EQ(lock("/v1/users/ann", {}, writes).status, 403);
  EXPECT_EQ(lock("/v1/users/ann", {}, revokes).status, 200);
  EXPECT_EQ(unlock("/v1/users/ann", revokes).status, 403);
  EXPECT_EQ(verified_state(key), "locked");
  EXPECT_EQ(unlock("/v1/users/ann", writes).status, 200);
  EXPECT_EQ(verified_state(key), "active");
}

TEST_F(Lock, OfAWiderCallerIsLiftedByOneAsWide) {
  const auto key = create({.user = "ann", .workspace = "w1"});
  const auto of_w1 = bearer(secret({.workspace = "w1", .permissions = "keys:write keys:revoke"}));
  ASSERT_EQ(lock("/v1/users/ann").status, 200);
  EXPECT_EQ(unlock("/v1/users/ann", of_w1).json()["code"].text(), "locked_by_wider");
  EXPECT_EQ(unlock("/v1/users/ann", of_w1).status, 403);
  ASSERT_EQ(unlock("/v1/users/ann").status, 200);
  EXPECT_EQ(lock("/v1/workspaces/w2", {}, of_w1).status, 403);
  EXPECT_EQ(verified_state(key), "active");
}

TEST_F(Lock, P2AbsorbingItsEndIsAnsweredOnceTheDiskHasIt) {
  const auto key = create({.user = "ann"});
  ASSERT_EQ(lock("/v1/users/ann").status, 200);
  disk_->block();
  auto unlocked = std::async(std::launch::async, [&] {
    return HttpClient(server_->port()).request("DELETE", "/v1/users/ann/lock", admin());
  });
  ASSERT_TRUE(eventually([&] { return engine_.applied() > engine_.durable(); }));
  EXPECT_EQ(verified_state(key), "locked") << "an allow never precedes the sync";
  EXPECT_EQ(ask("DELETE", "/v1/users/ann/lock",
                {{"Authorization", "Bearer " + master}, {"Prefer", "respond-async"}})
                .status,
            202);
  EXPECT_EQ(verified_state(key), "locked");
  EXPECT_EQ(unlocked.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  disk_->unblock();
  EXPECT_EQ(unlocked.get().status, 200);
  EXPECT_EQ(verified_state(key), "active");
}

TEST_F(Lock, P4IsAnsweredOnceTheDiskHasItAndDeniesAtOnce) {
  const auto key = create({.user = "ann"});
  disk_->block();
  auto locked = std::async(std::launch::async, [&] {
    return HttpClient(server_->port()).request("PUT", "/v1/users/ann/lock", admin());
  });
  EXPECT_TRUE(eventually([&] { return verified_state(key) == "locked"; }));
  EXPECT_EQ(locked.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  disk_->unblock();
  EXPECT_EQ(locked.get().status, 200);
}

TEST_F(Lock, IsInTheAuditTrail) {
  create({.user = "ann", .workspace = "w1"});
  const auto of_w1 = bearer(secret({.workspace = "w1", .permissions = "keys:write keys:revoke"}));
  ASSERT_EQ(lock("/v1/users/ann", R"({"reason":"odd traffic"})", of_w1).status, 200);
  ASSERT_EQ(ask("DELETE", "/v1/users/ann/lock?reason=settled", of_w1).status, 200);
  const auto page = ask("GET", "/v1/audit?user=ann", admin()).json();
  const auto& entries = page["entries"];
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[1]["verb"].text(), "owner.locked");
  EXPECT_EQ(entries[1]["scope"].text(), "user");
  EXPECT_EQ(entries[1]["id"].text(), "ann");
  EXPECT_EQ(entries[1]["within"]["id"].text(), "w1");
  EXPECT_EQ(entries[1]["reason"].text(), "odd traffic");
  EXPECT_EQ(entries[2]["verb"].text(), "owner.unlocked");
  EXPECT_EQ(entries[2]["within"]["scope"].text(), "workspace");
  EXPECT_EQ(entries[2]["reason"].text(), "settled");
}

TEST_F(Lock, ALockedKeyCannotCallWhateverTheDialect) {
  const auto caller =
      secret({.user = "ann", .workspace = "w1", .permissions = "keys:revoke keys:write keys:read"});
  ASSERT_EQ(lock("/v1/users/ann").status, 200);
  const std::vector<std::pair<std::string, Headers (*)(const std::string&)>> routes{
      {"/v1/keys/", bearer},
      {"/v1/flowplate/api-keys/",
       [](const std::string& key) {
         return Headers{{"X-API-Key", key}};
       }},
      {"/api/v1/apikey/", bearer},
      {"/api/user/api_key/",
       [](const std::string& key) {
         return Headers{{"Authorization", key}};
       }},
      {"/api/organization/api_key/",
       [](const std::string& key) {
         return Headers{{"Authorization", key}};
       }},
  };
  for (const auto& [path, present] : routes) {
    const auto target = create({.user = path.starts_with("/api/user") ? "bob" : "ann", .workspace = "w1"});
    EXPECT_EQ(ask("DELETE", path + target, present(caller)).status, 401) << path;
    EXPECT_FALSE(is_revoked(target)) << path;
  }
  ASSERT_EQ(unlock("/v1/users/ann").status, 200);
  const auto target = create({.user = "ann", .workspace = "w1"});
  EXPECT_EQ(ask("DELETE", "/v1/keys/" + target, bearer(caller)).status, 200);
}

TEST_F(Lock, OfTheKeyThatIsToBeRevokedChangesNoAnswerOfADialect) {
  const auto caller = secret({.user = "ann", .workspace = "w1", .permissions = revoker});
  const auto answers = [&] {
    std::vector<std::string> all;
    const std::vector<std::pair<std::string, Headers>> routes{
        {"/v1/flowplate/api-keys/", {{"X-API-Key", caller}}},
        {"/api/v1/apikey/", bearer(caller)},
        {"/api/user/api_key/", {{"Authorization", caller}}},
        {"/api/v1/applications/" + application_1 + "/api-keys/",
         bearer(token({{"scope", "\"keys:revoke\""}}))},
    };
    for (const auto& [path, headers] : routes) {
      const auto target = create({.user = "ann", .application = application_1, .workspace = "w1"});
      const auto answer = ask("DELETE", path + target, headers);
      auto text = std::to_string(answer.status) + answer.body;
      for (auto at = text.find(target); at != std::string::npos; at = text.find(target))
        text.erase(at, target.size());
      for (const std::string member : {"\"trace_id\":\"", "\"timestamp\":\""}) {
        if (const auto at = text.find(member); at != std::string::npos)
          text.erase(at, text.find('"', at + member.size()) - at);
      }
      all.push_back(text);
      EXPECT_TRUE(is_revoked(target)) << path;
    }
    return all;
  };
  const auto before = answers();
  ASSERT_EQ(lock("/v1/applications/" + application_1).status, 200);
  EXPECT_EQ(answers(), before);
}

}  // namespace revoked::net::lock_test
