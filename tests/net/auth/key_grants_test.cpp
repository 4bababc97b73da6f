// What a caller cannot gain: another tenant's name, permissions that it does not hold, a longer life than its
// own, or the resumption of a key that a wider caller has suspended.

#include <algorithm>

#include "tests/net/dialects/dialect_fixture.hpp"
#include "tests/support/rfc3339.hpp"

namespace revoked::net::key_grants_test {

const std::string all_of_keys = "keys:create keys:read keys:verify keys:write keys:revoke";

class KeyGrants : public DialectTest {
 protected:
  // A durable key; returns its secret.
  std::string caller(const KeySetup& setup) { return secret_of(create(setup)); }

  HttpResponse post(const std::string& credential, const std::string& target, const std::string& body = {}) {
    return ask("POST", target, bearer(credential), body);
  }
  static void expect_refused(const HttpResponse& answer, const std::string& code) {
    EXPECT_EQ(answer.status, 403) << answer.body;
    EXPECT_EQ(answer.json()["code"].text(), code);
    EXPECT_FALSE(answer.json()["secret"].exists());
  }
  // Code of the only line; empty if it was accepted.
  std::string import_one(const std::string& credential, const std::string& members) {
    const auto secret = "imported-secret-" + std::to_string(++imported_);
    const auto line =
        R"({"secret_sha256":")" + engine::to_hex(engine::sha256(secret)) + "\"" + members + "}\n";
    const auto answer = post(credential, "/v1/keys/import", line).json();
    EXPECT_EQ(answer["created"].number() + answer["failed_count"].number(), 1);
    return answer["failed"][0]["code"].text();
  }
  std::string time_in(engine::UnixMs ms) const {
    return '"' + revoked::test::rfc3339(engine::now_unix_ms() + ms) + '"';
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
  // A secret of an existing key names the workspace as well.
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

  EXPECT_EQ(post(writer, "/v1/keys/" + strong + "/suspend").status, 200) << "suspending requires no more";
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
      // Suspending it once more transfers no control.
      EXPECT_EQ(post(callers[other], "/v1/keys/" + key + "/suspend").status, 200);
      expect_refused(post(callers[other], "/v1/keys/" + key + "/resume"), "suspended_by_wider");
    }
    EXPECT_EQ(state_of(key), engine::KeyState::suspended);
    EXPECT_EQ(post(callers[by], "/v1/keys/" + key + "/resume").status, 200);
    EXPECT_TRUE(eventually([&] { return is_active(key); }));
  }
  // A wider one always may, and takes over what a narrower one has suspended.
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
  EXPECT_EQ(made.json()["expires_at"].text(), revoked::test::rfc3339(end))
      << "the default is the caller's own";
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
  EXPECT_EQ(post(mortal, "/v1/keys/" + endless + "/resume").status, 200) << "no secret is issued";

  // A token's expiry ends a session, not the keys that it created.
  const auto session = token({{"scope", R"("keys:create keys:write")"}, {"workspace", R"("w")"}});
  EXPECT_TRUE(post(session, "/v1/keys", "{}").json()["expires_at"].text().empty());
}

// How a caller finds out which key already has the id or secret, and an operator ends that key.
TEST_F(KeyGrants, WhatStandsInTheWayIsToldToWhoMaySeeIt) {
  const auto victim = caller({.workspace = "victim", .permissions = all_of_keys});
  const auto thief = caller({.workspace = "thief", .permissions = all_of_keys});
  const std::string secret = "the-secret-of-the-victim";
  const auto sha256 = engine::to_hex(engine::sha256(secret));
  const auto claimed = post(thief, "/v1/keys", R"({"secret_sha256":")" + sha256 + "\"}");
  ASSERT_EQ(claimed.status, 201);
  const auto id = claimed.json()["key_id"].text();
  ASSERT_TRUE(eventually([this] { return engine_.durable() == engine_.applied(); }));
  const auto body = R"({"key_id":"free","secret":")" + secret + "\"}";

  const auto refused = post(victim, "/v1/keys", body);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.json()["code"].text(), "already_exists");
  EXPECT_FALSE(refused.json()["key_id"].exists());
  EXPECT_EQ(refused.body.find(id), std::string::npos);
  const auto of_id = post(victim, "/v1/keys", R"({"key_id":")" + id + "\"}");
  EXPECT_EQ(of_id.status, 409);
  EXPECT_EQ(of_id.json()["detail"].text(), refused.json()["detail"].text())
      << "not even which of the two is taken";
  for (const auto& who : {master, thief}) {
    const auto told = post(who, "/v1/keys", body);
    EXPECT_EQ(told.status, 409);
    EXPECT_EQ(told.json()["code"].text(), "already_exists");
    EXPECT_EQ(told.json()["key_id"].text(), id);
  }

  const auto by_digest = R"({"secret_sha256":")" + sha256 + R"(","reason":"stolen"})";
  EXPECT_EQ(post(victim, "/v1/keys/revoke", by_digest).json()["results"][0]["state"].text(), "unknown");
  EXPECT_TRUE(is_active(id));
  const auto ended = post(master, "/v1/keys/revoke", by_digest).json();
  EXPECT_EQ(ended["results"][0]["state"].text(), "revoked");
  EXPECT_EQ(ended["results"][0]["key_id"].text(), id);
  EXPECT_TRUE(is_revoked(id));
  EXPECT_EQ(reason_of(id), "stolen");
}

TEST_F(KeyGrants, WhatLeakedIsRevokedByItsDigest) {
  const auto hex = [](const std::string& id) { return engine::to_hex(engine::sha256(secret_of(id))); };
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(create({.workspace = "w"}));
  const auto answer =
      post(master, "/v1/keys/revoke",
           R"({"secrets_sha256":[")" + hex(ids[0]) + R"(",")" + hex("nobody") + R"("],"secret_sha256":")" +
               upper(hex(ids[1])) + R"(","secret":")" + secret_of(ids[2]) + "\"}");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json()["results"].size(), 4u);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(is_revoked(ids[i])) << i;
  for (const auto* body :
       {R"({"secret_sha256":"12"})", R"({"secrets_sha256":["12"]})", R"({"secrets_sha256":[]})"})
    EXPECT_EQ(post(master, "/v1/keys/revoke", body).status, 400) << body;

  const auto bulk = post(master, "/v1/revocations",
                         R"({"secret_sha256":")" + hex(ids[3]) + "\"}\n" + R"({"secret_sha256":"12"})" +
                             "\n" + R"({"secret_sha256":")" + hex("nobody") + "\"}\n")
                        .json();
  EXPECT_EQ(bulk["revoked"].number(), 1);
  EXPECT_EQ(bulk["unknown"].number(), 1);
  EXPECT_EQ(bulk["failed"][0]["line"].number(), 2);
  EXPECT_EQ(bulk["failed"][0]["code"].text(), "invalid_field");
  EXPECT_TRUE(is_revoked(ids[3]));
}

// A stored reply belongs to its caller: issuer, subject, limits and kind; only its credential can decrypt it.
class KeptReply : public KeyGrants {
 protected:
  HttpResponse create_once(const std::string& credential, const std::string& body = "{}") {
    auto headers = bearer(credential);
    headers.emplace_back("Idempotency-Key", "one");
    return ask("POST", "/v1/keys", headers, body);
  }
  std::string token_of(const std::string& issuer, const std::string& workspace) {
    return token({{"scope", R"("keys:create")"}, {"iss", '"' + issuer + '"'}, {"workspace", workspace}});
  }
};

TEST_F(KeptReply, IsNotToldToANamesakeOfAnotherWorkspaceOrIssuer) {
  std::vector<std::string> secrets;
  const std::string callers[] = {token_of("a", R"("w1")"), token_of("a", R"("w2")"), token_of("b", R"("w1")"),
                                 token({{"scope", R"("keys:create")"}, {"user", R"("w1")"}})};
  for (const auto& caller : callers) {
    const auto made = create_once(caller);
    ASSERT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(made.header("Idempotency-Replayed"), "");
    const auto secret = made.json()["secret"].text();
    EXPECT_EQ(std::count(secrets.begin(), secrets.end(), secret), 0);
    secrets.push_back(secret);
    EXPECT_EQ(create_once(caller).json()["secret"].text(), secret) << "readable for the same caller";
  }
}

TEST_F(KeptReply, IsLostToTheCallerWithTheCredential) {
  const auto key = create({.workspace = "w", .permissions = "keys:create keys:write"});
  const auto made = create_once(secret_of(key));
  ASSERT_EQ(made.status, 201);
  const auto renewed = post(secret_of(key), "/v1/keys/" + key + "/rotate").json()["secret"].text();
  const auto before = engine_.applied();
  const auto again = create_once(renewed);
  EXPECT_EQ(again.status, 409) << again.body;
  EXPECT_EQ(again.json()["code"].text(), "reply_sealed");
  EXPECT_EQ(engine_.applied(), before) << "no second effect";
}

}  // namespace revoked::net::key_grants_test
