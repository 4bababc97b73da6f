// What a caller cannot gain: another tenant's name, permissions that it does not hold, time beyond its own,
// or the life of a key that somebody wider took.

#include "tests/net/dialect_fixture.hpp"

namespace revoked::net {
namespace {

const std::string all_of_keys = "keys:create keys:read keys:verify keys:write keys:revoke";

class KeyGrants : public DialectTest {
 protected:
  // A durable key; answers its secret.
  std::string caller(const KeySetup& setup) { return secret_of(create(setup)); }

  HttpResponse post(const std::string& credential, const std::string& target, const std::string& body = {}) {
    return ask("POST", target, bearer(credential), body);
  }
  static void expect_refused(const HttpResponse& answer, const std::string& code) {
    EXPECT_EQ(answer.status, 403) << answer.body;
    EXPECT_EQ(answer.json()["code"].text(), code);
    EXPECT_FALSE(answer.json()["secret"].exists());
  }
  // Code of the only line; empty if it was taken.
  std::string import_one(const std::string& credential, const std::string& members) {
    const auto secret = "imported-secret-" + std::to_string(++imported_);
    const auto line =
        R"({"secret_sha256":")" + engine::to_hex(engine::sha256(secret)) + "\"" + members + "}\n";
    const auto answer = post(credential, "/v1/keys/import", line).json();
    EXPECT_EQ(answer["created"].number() + answer["failed_count"].number(), 1);
    return answer["failed"][0]["code"].text();
  }
  std::string time_in(engine::UnixMs ms) const {
    return '"' + engine::to_rfc3339(engine::now_unix_ms() + ms) + '"';
  }

  int imported_ = 0;
};

// Every way to a secret that names a workspace.
TEST_F(KeyGrants, WhoIsNotOfAWorkspaceNeverNamesIt) {
  const auto of_user = caller({.user = "ann", .permissions = all_of_keys});
  const auto of_application = caller({.application = "shop", .permissions = all_of_keys});
  const auto of_another = caller({.workspace = "mine", .permissions = all_of_keys});
  const auto by_token = token({{"scope", R"("keys:create keys:write")"}, {"user", R"(["ann","bob"])"}});
  for (const auto& credential : {of_user, of_application, of_another}) {
    expect_refused(post(credential, "/v1/keys", R"({"workspace":"victim"})"), "forbidden");
    EXPECT_EQ(import_one(credential, R"(,"workspace":"victim")"), "forbidden");
    EXPECT_EQ(import_one(credential, R"(,"workspace":"victim","permissions":[])"), "forbidden");
    EXPECT_EQ(ask("POST", "/v1/flowplate/api-keys", {{"X-API-Key", credential}}, R"({"workspace":"victim"})")
                  .status,
              403);
  }
  expect_refused(post(by_token, "/v1/keys", R"({"user":"ann","workspace":"victim"})"), "forbidden");
  // A secret of a key that is there names the workspace as well.
  const auto victims = create({.user = "ann", .application = "shop", .workspace = "victim"});
  for (const auto& credential : {of_user, of_application, by_token})
    expect_refused(post(credential, "/v1/keys/" + victims + "/rotate"), "forbidden");
  EXPECT_EQ(post(of_another, "/v1/keys/" + victims + "/rotate").status, 404);
  EXPECT_EQ(post(secret_of(victims), "/v1/keys/" + victims + "/rotate").status, 403)
      << "no permission at all";
}

TEST_F(KeyGrants, WhoIsOfAWorkspaceNamesUsersAndApplicationsInIt) {
  const auto of_workspace = caller({.workspace = "mine", .permissions = all_of_keys});
  const auto made = post(of_workspace, "/v1/keys", R"({"user":"ann","application":"shop"})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.json()["workspace"].text(), "mine");
  EXPECT_EQ(post(of_workspace, "/v1/keys", R"({"user":"ann","workspace":"mine"})").status, 201);
  EXPECT_EQ(import_one(of_workspace, R"(,"user":"bob")"), "");
  EXPECT_EQ(post(of_workspace, "/v1/keys/" + made.json()["key_id"].text() + "/rotate").status, 200);
  const auto of_two = token({{"scope", R"("keys:create")"}, {"workspace", R"(["mine","other"])"}});
  EXPECT_EQ(post(of_two, "/v1/keys", R"({"workspace":"other"})").status, 201);
  expect_refused(post(of_two, "/v1/keys", "{}"), "forbidden");
  const auto unlimited = caller({.permissions = all_of_keys});
  EXPECT_EQ(post(unlimited, "/v1/keys", R"({"workspace":"any"})").status, 201);
  EXPECT_EQ(post(master, "/v1/keys", R"({"workspace":"any"})").status, 201);
}

TEST_F(KeyGrants, WhoHandsOutAKeyHoldsAllThatItHolds) {
  const auto writer = caller({.workspace = "w", .permissions = "keys:write keys:create"});
  const auto strong = create({.workspace = "w", .permissions = "keys:read keys:write"});
  const auto before = engine_.applied();
  expect_refused(post(writer, "/v1/keys/" + strong + "/rotate"), "forbidden");
  expect_refused(post(writer, "/v1/keys/" + strong + "/resume"), "forbidden");
  expect_refused(post(writer, "/v1/keys", R"({"permissions":["keys:read"]})"), "forbidden");
  EXPECT_EQ(import_one(writer, R"(,"permissions":["keys:read"])"), "forbidden");
  EXPECT_LE(engine_.applied(), before + 4) << "nothing but the refused attempts";
  EXPECT_TRUE(is_active(strong));

  EXPECT_EQ(post(writer, "/v1/keys/" + strong + "/suspend").status, 200) << "taking needs no more";
  expect_refused(post(writer, "/v1/keys/" + strong + "/resume"), "forbidden");
  const auto equal = caller({.workspace = "w", .permissions = "keys:read keys:write"});
  EXPECT_EQ(post(equal, "/v1/keys/" + strong + "/resume").status, 200);
  EXPECT_TRUE(eventually([&] { return is_active(strong); }));
  EXPECT_EQ(post(equal, "/v1/keys/" + strong + "/rotate").status, 200);
  const auto weak = create({.workspace = "w", .permissions = "keys:write"});
  EXPECT_EQ(post(writer, "/v1/keys/" + weak + "/rotate").status, 200);
}

TEST_F(KeyGrants, WhatAWiderCallerSuspendedANarrowerOneDoesNotResume) {
  const auto key = create({.user = "ann", .workspace = "w"});
  const auto of_workspace = caller({.workspace = "w", .permissions = "keys:write"});
  const auto of_user = caller({.user = "ann", .workspace = "w", .permissions = "keys:write"});
  const auto of_two = token({{"scope", R"("keys:write")"}, {"workspace", R"(["w","v"])"}});
  // Widest first.
  const std::vector<std::string> callers{master, of_two, of_workspace, of_user};
  for (std::size_t by = 0; by < callers.size(); ++by) {
    ASSERT_EQ(post(callers[by], "/v1/keys/" + key + "/suspend").status, 200);
    for (std::size_t other = callers.size(); --other > by;) {
      expect_refused(post(callers[other], "/v1/keys/" + key + "/resume"), "suspended_by_wider");
      // Suspending it once more makes nobody its master.
      EXPECT_EQ(post(callers[other], "/v1/keys/" + key + "/suspend").status, 200);
      expect_refused(post(callers[other], "/v1/keys/" + key + "/resume"), "suspended_by_wider");
    }
    EXPECT_EQ(state_of(key), engine::KeyState::suspended);
    EXPECT_EQ(post(callers[by], "/v1/keys/" + key + "/resume").status, 200);
    EXPECT_TRUE(eventually([&] { return is_active(key); }));
  }
  // A wider one may always, and takes over what a narrower one has suspended.
  ASSERT_EQ(post(of_user, "/v1/keys/" + key + "/suspend").status, 200);
  ASSERT_EQ(post(master, "/v1/keys/" + key + "/suspend").status, 200);
  expect_refused(post(of_user, "/v1/keys/" + key + "/resume"), "suspended_by_wider");
  EXPECT_EQ(post(master, "/v1/keys/" + key + "/resume").status, 200);
  EXPECT_TRUE(eventually([&] { return is_active(key); }));
  ASSERT_EQ(post(of_user, "/v1/keys/" + key + "/suspend").status, 200);
  EXPECT_EQ(post(of_workspace, "/v1/keys/" + key + "/resume").status, 200);
}

TEST_F(KeyGrants, NothingOutlivesTheKeyThatItComesFrom) {
  const auto end = engine::now_unix_ms() + 60'000;
  const auto mortal = caller({.workspace = "w", .permissions = all_of_keys, .expires_at = end});
  const auto made = post(mortal, "/v1/keys", "{}");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.json()["expires_at"].text(), engine::to_rfc3339(end))
      << "who does not say gets what there is";
  const auto found = engine_.describe(made.json()["key_id"].text(), engine::now_unix_ms());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->expires_at, end);
  EXPECT_EQ(post(mortal, "/v1/keys", R"({"expires_at":)" + time_in(30'000) + "}").status, 201);
  expect_refused(post(mortal, "/v1/keys", R"({"expires_at":)" + time_in(120'000) + "}"), "outlives_caller");

  EXPECT_EQ(import_one(mortal, R"(,"key_id":"imported")"), "");
  EXPECT_EQ(engine_.describe("imported", engine::now_unix_ms())->expires_at, end);
  EXPECT_EQ(import_one(mortal, R"(,"expires_at":)" + time_in(120'000)), "outlives_caller");

  const auto endless = create({.workspace = "w", .permissions = "keys:read"});
  const auto shorter = create({.workspace = "w", .expires_at = end - 1000});
  expect_refused(post(mortal, "/v1/keys/" + endless + "/rotate"), "outlives_caller");
  EXPECT_EQ(post(mortal, "/v1/keys/" + shorter + "/rotate").status, 200);
  EXPECT_EQ(post(mortal, "/v1/keys/" + endless + "/suspend").status, 200);
  EXPECT_EQ(post(mortal, "/v1/keys/" + endless + "/resume").status, 200) << "gives nobody a secret";

  // The end of a token is that of a session.
  const auto session = token({{"scope", R"("keys:create keys:write")"}, {"workspace", R"("w")"}});
  EXPECT_TRUE(post(session, "/v1/keys", "{}").json()["expires_at"].text().empty());
}

}  // namespace
}  // namespace revoked::net
