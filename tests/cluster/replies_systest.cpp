// Requests with an Idempotency-Key have one effect and one answer, whichever engine leads.

#include "tests/cluster/cluster.hpp"

namespace revoked::test::cluster_replies_systest {

class ClusterReplies : public testing::Test, protected cluster::EngineCluster {
 protected:
  // Repeated until it is answered, at one engine.
  HttpResponse post(EngineProcess& engine, const std::string& path, const std::string& name,
                    const std::string& body) {
    HttpResponse answer;
    EXPECT_TRUE(eventually([&] {
      try {
        answer = engine.client().request("POST", path, {{"Idempotency-Key", name}}, body);
        return answer.status < 500;
      } catch (const ConnectionFailed&) {
        return false;
      }
    }));
    return answer;
  }
};

TEST_F(ClusterReplies, ARepeatedRequestHasOneEffectWhoeverLeads) {
  auto& other = follower();
  const auto ask = json_object({{"user", "ann"}});
  const auto created = post(other, "/v1/keys", "create-1", ask);
  ASSERT_EQ(created.status, 201) << created.body;
  const auto key_id = created.json()["key_id"].text();
  const auto rotated = post(other, "/v1/keys/" + key_id + "/rotate", "rotate-1", R"({"grace_seconds":0})");
  ASSERT_EQ(rotated.status, 200) << rotated.body;
  for (int round = 0; round < 2; ++round) {
    auto& leader = any("leader");
    leader.kill();
    for (auto& engine : engines_) {
      if (engine.get() == &leader) continue;
      for (int again = 0; again < 2; ++again) {
        const auto repeated = post(*engine, "/v1/keys", "create-1", ask);
        EXPECT_EQ(repeated.status, 201) << repeated.body;
        EXPECT_EQ(repeated.body, created.body);
        EXPECT_EQ(repeated.header("Idempotency-Replayed"), "true");
        EXPECT_EQ(post(*engine, "/v1/keys/" + key_id + "/rotate", "rotate-1", R"({"grace_seconds":0})").body,
                  rotated.body);
        EXPECT_EQ(post(*engine, "/v1/keys", "create-1", json_object({{"user", "bob"}})).status, 422);
      }
      auto client = engine->client();
      EXPECT_EQ(client.get("/v1/keys?user=ann").json()["keys"].items().size(), 1u);
      EXPECT_TRUE(verify(client, rotated.json()["secret"].text())["active"].is_true());
    }
    leader.start();
  }
  auto client = follower().client();
  const auto audit = client.get("/v1/audit?key_id=" + key_id);
  EXPECT_EQ(audit.json()["entries"].items().size(), 2u) << audit.body;
}

}  // namespace revoked::test::cluster_replies_systest
