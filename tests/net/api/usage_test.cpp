// The use of keys, over HTTP.

#include "tests/net/dialects/dialect_fixture.hpp"

namespace revoked::net::usage_test {

class UsageApi : public DialectTest {
 protected:
  HttpResponse report(const std::string& members, const Headers& headers = bearer(master),
                      const std::string& gateway = "edge-1") {
    return ask(
        "POST", "/v1/gateways/report", headers,
        R"({"gateway":")" + gateway + R"(","batch":")" + std::to_string(++batches_) + "\"" + members + "}");
  }
  static std::string now() {
    std::string text;
    engine::append_rfc3339(text, engine::now_unix_ms());
    return text;
  }
  static std::string used(const std::string& key_id) {
    return R"(,"uses":[{"at":")" + now() + R"(","key_ids":[")" + key_id + "\"]}]";
  }
  static std::string denied(const std::string& key_id, int count) {
    return R"(,"denied":[{"key_id":")" + key_id + R"(","count":)" + std::to_string(count) +
           R"(,"first_at":")" + now() + R"(","last_at":")" + now() + R"(","address":"192.0.2.0/24"}])";
  }
  auto record(const std::string& key_id) { return ask("GET", "/v1/keys/" + key_id, bearer(master)).json(); }

  int batches_ = 0;
};

TEST_F(UsageApi, IsInTheRecordTheListAndTheTrail) {
  const auto living = create({}, "living");
  const auto dead = create({.workspace = "w1"}, "dead");
  ASSERT_EQ(ask("DELETE", "/v1/keys/dead", bearer(master)).status, 200);
  EXPECT_FALSE(record("living")["last_used_at"].exists());
  const auto answer = report(used("living") + denied("dead", 3) + R"(,"dropped":2)");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json()["ignored"].number(), 0);
  EXPECT_EQ(answer.json()["dropped"].number(), 2);
  EXPECT_EQ(record("living")["last_used_at"].text().substr(16), ":00.000Z");
  EXPECT_EQ(record("dead")["used_after_revocation"]["count"].number(), 3);
  const auto list = ask("GET", "/v1/keys", bearer(master)).json()["keys"];
  ASSERT_EQ(list.size(), 2u);
  EXPECT_TRUE(list[0]["last_used_at"].exists());
  EXPECT_EQ(list[1]["used_after_revocation"]["gateways"][0].text(), "edge-1");
  EXPECT_TRUE(eventually([&] {
    const auto all = ask("GET", "/v1/audit?key_id=dead", bearer(master)).json()["entries"];
    const auto& last = all[all.size() - 1];
    return last["verb"].text() == "key.used_after_revocation" && last["workspace"].text() == "w1" &&
           last["gateway"].text() == "edge-1" && last["address"].text() == "192.0.2.0/24" &&
           last["used"]["count"].number() == 3 && last["used_in_all"]["count"].number() == 3;
  })) << ask("GET", "/v1/audit?key_id=dead", bearer(master)).body;
  const auto health = ask("GET", "/healthz").json();
  EXPECT_EQ(health["usage"]["dropped"].number(), 2);
}

TEST_F(UsageApi, OfAGatewayOfAWorkspaceCountsForItsKeysOnly) {
  create({.workspace = "w1"}, "mine");
  create({.workspace = "w2"}, "theirs");
  const auto edge = bearer(secret({.workspace = "w1", .permissions = "gateway"}));
  auto answer = report(used("theirs"), edge);
  EXPECT_EQ(answer.json()["ignored"].number(), 1);
  answer = report(used("mine"), edge);
  EXPECT_EQ(answer.json()["ignored"].number(), 0);
  EXPECT_FALSE(record("theirs")["last_used_at"].exists());
  EXPECT_TRUE(record("mine")["last_used_at"].exists());
}

TEST_F(UsageApi, CallsAndVerificationsAreUses) {
  const auto caller = create({.permissions = "keys:verify"}, "caller");
  create({}, "verified");
  const auto body = R"({"secret":")" + secret_of("verified") + "\"}";
  ASSERT_EQ(ask("POST", "/v1/keys/verify", bearer(secret_of("caller")), body).status, 200);
  EXPECT_TRUE(record("caller")["last_used_at"].exists());
  EXPECT_TRUE(record("verified")["last_used_at"].exists());
}

TEST_F(UsageApi, RefusesWhatIsNoReportAndThoseOfOthersNames) {
  for (const auto* const members : {R"(,"epoch":1,"sequence":1)", R"(,"uses":[1])", R"(,"denied":{})"}) {
    const auto answer = report(members);
    EXPECT_EQ(answer.status, 400) << members;
    EXPECT_EQ(answer.json()["code"].text(), "malformed");
  }
  EXPECT_EQ(report("", bearer(secret({.permissions = "gateways:read"}))).status, 403);
  const auto edge = bearer(secret({.permissions = "gateway"}));
  const auto other = bearer(secret({.permissions = "gateway"}));
  ASSERT_EQ(ask("POST", "/v1/gateways/report", edge,
                R"({"gateway":"edge-1","epoch":1,"sequence":1,"lease_ms":60000})")
                .status,
            204);
  const auto taken = report("", other);
  EXPECT_EQ(taken.status, 409);
  EXPECT_EQ(taken.json()["code"].text(), "name_taken");
  EXPECT_EQ(report("", edge).status, 200);
  EXPECT_EQ(report("", other, "edge-2").status, 200);
}

TEST_F(UsageApi, FindsDormantKeys) {
  create({}, "k1");
  const auto answer = ask("GET", "/v1/keys?used_before=2999-01-01T00:00:00Z", bearer(master)).json();
  EXPECT_EQ(answer["keys"].size(), 1u);
  EXPECT_TRUE(answer["uses_since"].exists());
  EXPECT_EQ(ask("GET", "/v1/keys?used_before=2001-01-01T00:00:00Z", bearer(master)).json()["keys"].size(),
            0u);
  EXPECT_FALSE(ask("GET", "/v1/keys", bearer(master)).json()["uses_since"].exists());
  const auto refused = ask("GET", "/v1/keys?used_before=yesterday", bearer(master));
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.json()["parameter"].text(), "used_before");
}

}  // namespace revoked::net::usage_test
