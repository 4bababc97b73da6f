// Revoked and expired keys leave memory; the only difference to callers is that their secrets are unknown.

#include <gtest/gtest.h>

#include <set>

#include "tests/support/revoked_programs.hpp"

namespace revoked::test::forget_systest {

class P2Forget : public testing::Test {
 protected:
  EngineProcess engine_{{.arguments = {"--forget-after", "1s"}}};
  std::optional<HttpClient> connection_{engine_.client()};
  HttpClient& client_ = *connection_;

  HttpResponse post(const std::string& path, const std::string& body) {
    return client_.request("POST", path, {}, body);
  }
  // When a key was last used is known while it is in memory.
  static std::string without_last_use(std::string record) {
    const auto at = record.find(",\"last_used_at\":");
    if (at != std::string::npos) record.erase(at, record.find_first_of(",}", at + 1) - at);
    return record;
  }
  // An unknown secret shows that the key has left memory.
  void wait_until_forgotten(const std::string& secret) {
    ASSERT_TRUE(eventually([&] { return verify(client_, secret)["state"].text() == "unknown"; }, when_idle));
  }
};

TEST_F(P2Forget, EveryRouteKnowsAKeyThatLeftMemory) {
  GatewayProcess gateway(engine_);
  auto at_gateway = gateway.client();
  const auto lives = create_key(client_, {{"user", "ann"}});
  const auto dead = create_key(client_, {{"user", "ann"}, {"workspace", "w1"}, {"name", "laptop"}});
  ASSERT_EQ(check(at_gateway, dead.secret).status, 200);
  const auto path = "/v1/keys/" + dead.key_id;
  const auto first = client_.request("DELETE", path + "?reason=leaked");
  ASSERT_EQ(first.status, 200);
  const auto record = client_.get(path);
  wait_until_forgotten(dead.secret);

  for (const bool is_after_restart : {false, true}) {
    SCOPED_TRACE(is_after_restart ? "after a restart" : "");
    EXPECT_EQ(without_last_use(client_.get(path).body), without_last_use(record.body));
    const auto again = client_.request("DELETE", path + "?reason=later");
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body, first.body);
    const auto by_secret =
        post("/v1/keys/revoke", R"({"secrets":[")" + dead.secret + R"(","never-a-secret-of-ours"]})");
    EXPECT_EQ(by_secret.status, 200);
    EXPECT_EQ(by_secret.json()["results"][0]["key_id"].text(), dead.key_id) << by_secret.body;
    EXPECT_EQ(by_secret.json()["results"][1]["state"].text(), "unknown");
    const auto bulk = post("/v1/revocations", R"({"key_id":")" + dead.key_id + "\"}\n{\"secret\":\"" +
                                                  dead.secret + "\"}\n{\"key_id\":\"nobody\"}\n");
    EXPECT_EQ(bulk.json()["already_revoked"].number(), 2) << bulk.body;
    EXPECT_EQ(bulk.json()["unknown"].number(), 1);
    EXPECT_EQ(client_.request("PATCH", path, {}, R"({"name":"x"})").json()["code"].text(), "already_revoked");
    for (const auto* verb : {"/suspend", "/resume", "/rotate"})
      EXPECT_EQ(post(path + verb, "").json()["code"].text(), "already_revoked") << verb;
    EXPECT_EQ(post("/v1/keys", R"({"key_id":")" + dead.key_id + "\"}").json()["code"].text(),
              "already_exists");
    EXPECT_EQ(post("/v1/keys", R"({"secret":")" + dead.secret + "\"}").json()["code"].text(),
              "already_exists");
    const auto import =
        post("/v1/keys/import", R"({"secret":")" + dead.secret + "\"}\n{\"secret\":\"a new secret " +
                                    (is_after_restart ? "1" : "2") + "\"}\n");
    EXPECT_EQ(import.json()["created"].number(), 1) << import.body;
    EXPECT_EQ(import.json()["failed"][0]["code"].text(), "already_exists");
    EXPECT_EQ(client_.get("/v1/keys?user=ann").json()["keys"].size(), 2u);
    EXPECT_EQ(client_.get("/v1/keys?user=ann&state=revoked").json()["keys"].size(), 1u);
    EXPECT_EQ(client_.get("/v1/audit?key_id=" + dead.key_id).json()["entries"].size(), 2u);
    EXPECT_EQ(check(at_gateway, dead.secret).status / 100, 4);
    EXPECT_EQ(check(at_gateway, lives.secret).status, 200);
    if (is_after_restart) break;
    engine_.kill();
    engine_.start();
    connection_.emplace(engine_.client());
    ASSERT_TRUE(eventually([&] { return check(at_gateway, lives.secret).status == 200; }));
  }
}

// A list of all keys contains each of them, however many have left memory.
TEST_F(P2Forget, AListHasTheLivingAndTheDead) {
  const auto keys = create_keys(engine_, 700);
  std::string lines;
  for (std::size_t i = 0; i < 500; ++i) lines += R"({"key_id":")" + keys[i].key_id + "\"}\n";
  ASSERT_EQ(post("/v1/revocations", lines).json()["revoked"].number(), 500);
  wait_until_forgotten(keys[499].secret);
  create_keys(engine_, 300);  // in the freed places
  std::set<std::string> listed;
  std::string cursor;
  do {
    const auto page = client_.get("/v1/keys?limit=100" + cursor).json();
    for (const auto& key : page["keys"].items()) listed.insert(key["key_id"].text());
    cursor = page["cursor"].text().empty() ? "" : "&cursor=" + page["cursor"].text();
  } while (!cursor.empty());
  EXPECT_EQ(listed.size(), 1000u);
}

}  // namespace revoked::test::forget_systest
