// Engines that reach each other by TLS, with a CA of their own, and want certificates.

#include <gmock/gmock.h>

#include "tests/cluster/cluster.hpp"

namespace revoked::test::cluster_tls_systest {

using testing::HasSubstr;

struct Certificates {
  std::vector<std::string> arguments(const std::filesystem::path& trusted) const {
    return {
        "--tls-client-ca", files_.ca(),  "--engine-ca-file",   trusted, "--engine-cert", files_.certificate(),
        "--engine-key",    files_.key(), "--checkpoint-after", "20"};
  }

  const CertificateFiles files_;
};

class EncryptedEngines : public testing::Test, Certificates, protected cluster::EngineCluster {
 protected:
  EncryptedEngines() : EngineCluster({.engines = 2, .arguments = arguments(files_.ca()), .tls = &files_}) {}

  EngineProcess::Options options_with(const std::filesystem::path& trusted) const {
    auto options = engine_options();
    options.arguments = {"--journal", pair_.url(), "--threads", "1"};
    const auto more = arguments(trusted);
    options.arguments.insert(options.arguments.end(), more.begin(), more.end());
    return options;
  }
};

TEST_F(EncryptedEngines, PassChangesOnAndTakeCheckpoints) {
  auto& follows = follower();
  auto client = follows.client();
  std::vector<CreatedKey> keys;
  for (int i = 0; i < 20; ++i) keys.push_back(create_key(client));
  for (const auto& key : keys) EXPECT_EQ(revoke(client, key.key_id).status, 200);
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(follows.data_directory() / "tables"); }));
  const EngineProcess fresh(engine_options());
  EXPECT_THAT(fresh.log_text(), HasSubstr("took the checkpoint of another engine"));
  auto asks = fresh.client();
  EXPECT_EQ(verify(asks, keys.back().secret)["state"].text(), "revoked");
}

TEST_F(EncryptedEngines, SayWhyTheyDoNotTrustTheLeader) {
  const CertificateFiles foreign;
  const EngineProcess fresh(options_with(foreign.ca()));
  auto client = fresh.client();
  const auto answer = client.request("POST", "/v1/keys", {}, "{}");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.json()["code"].text(), "not_current");
  EXPECT_THAT(fresh.log_text(), HasSubstr("cannot connect to another engine"));
  EXPECT_THAT(fresh.log_text(), HasSubstr("certificate"));
}

}  // namespace revoked::test::cluster_tls_systest
