// Who has enforced a revocation, where the engine that knew the gateways is gone.

#include "tests/cluster/cluster.hpp"

namespace revoked::test::cluster_receipts_systest {

class ClusterReceipts : public testing::Test, protected cluster::EngineCluster {
 protected:
  // "1/2", of a revocation that waits.
  std::string enforced(EngineProcess& engine, const std::string& key_id, const std::string& seconds) {
    std::string count;
    EXPECT_TRUE(eventually([&] {
      try {
        const auto revoked =
            engine.client().request("DELETE", "/v1/keys/" + key_id, {{"Prefer", "wait=" + seconds}});
        count = revoked.header("Revocation-Enforced");
        return revoked.status == 200;
      } catch (const ConnectionFailed&) {
        return false;
      }
    }));
    return count;
  }
};

TEST_F(ClusterReceipts, ANewLeaderWaitsForTheGatewaysOfTheOneBefore) {
  auto& first = any("leader");
  const auto options = gateway_options("60s", (index_of(first) + 1) % engines_.size());
  GatewayProcess one(first, options), other(first, options);
  auto client = follower().client();
  EXPECT_TRUE(eventually([&] { return enforced(first, create_key(client).key_id, "5") == "2/2"; }));
  EXPECT_TRUE(eventually([&] {
    return pair_.primary().value(
               "SELECT count(*) FROM regexp_matches((SELECT list FROM revoked.gateways), 'gateway', 'g')") ==
           "2";
  }));
  other.process().signal(SIGSTOP);
  first.kill();
  // The gateway that is stopped allows what it has cached, as far as anybody knows.
  auto& next = any("leader");
  auto again = next.client();
  EXPECT_EQ(enforced(next, create_key(again).key_id, "3"), "1/2");
  other.process().signal(SIGCONT);
  EXPECT_EQ(enforced(next, create_key(again).key_id, "10"), "2/2");
}

}  // namespace revoked::test::cluster_receipts_systest
