// An empty data directory is filled: with the checkpoint of another engine if there is one, and the rows.

#include <gmock/gmock.h>

#include <fstream>

#include "tests/cluster/cluster.hpp"

namespace revoked::test::bootstrap_systest {

using testing::HasSubstr;
using testing::Not;

constexpr auto took = "took the checkpoint of another engine";
constexpr int keys_of_a_checkpoint = 40;

class EmptyDataDirectory : public testing::Test, protected cluster::EngineCluster {
 protected:
  EmptyDataDirectory()
      : EngineCluster({.arguments = {"--checkpoint-after", "40"}, .lease = cluster::long_lease}) {
    auto client = engines_.front()->client();
    for (int i = 0; i < keys_of_a_checkpoint; ++i) keys_.push_back(create_key(client));
    for (std::size_t i = 0; i < keys_.size(); i += 2) revoke(client, keys_[i].key_id);
  }

  static std::filesystem::path checkpoint_of(const EngineProcess& engine) {
    return engine.data_directory() / "tables";
  }
  void wait_for_checkpoints() const {
    for (const auto& engine : engines_)
      EXPECT_TRUE(eventually([&] { return std::filesystem::exists(checkpoint_of(*engine)); }));
  }
  // At its only start. The engine may be ready before it has logged it.
  static std::string replayed(const EngineProcess& engine) {
    constexpr std::string_view member = "\"replayed_events\":\"";
    std::string log;
    EXPECT_TRUE(eventually([&] { return (log = engine.log_text()).find(member) != log.npos; })) << log;
    const auto begin = log.find(member) + member.size();
    return log.substr(begin, log.find('"', begin) - begin);
  }
  void expect_all_keys(const EngineProcess& engine) const {
    auto client = engine.client();
    for (std::size_t i = 0; i < keys_.size(); ++i)
      EXPECT_EQ(verify(client, keys_[i].secret)["state"].text(), i % 2 == 0 ? "revoked" : "active") << i;
  }
  std::string secret_of_the_journal() { return pair_.primary().value("SELECT secret FROM revoked.format"); }

  std::vector<CreatedKey> keys_;
};

TEST_F(EmptyDataDirectory, TakesTheCheckpointOfAFollower) {
  wait_for_checkpoints();
  auto client = engines_.front()->client();
  keys_.push_back(create_key(client));
  keys_.push_back(create_key(client));
  revoke(client, keys_[keys_.size() - 2].key_id);
  EngineProcess fresh(engine_options());
  EXPECT_THAT(fresh.log_text(), HasSubstr(took));
  EXPECT_THAT(fresh.log_text(), Not(HasSubstr(std::string(took) + "\",\"url\":\"" + any("leader").url())));
  EXPECT_LT(std::stoi(replayed(fresh)), keys_of_a_checkpoint);
  expect_all_keys(fresh);
  // What it has now is its own.
  EXPECT_EQ(fresh.stop(), 0);
  fresh.start();
  expect_all_keys(fresh);
}

TEST_F(EmptyDataDirectory, IsFilledFromTheRowsWhereACheckpointIsDamaged) {
  wait_for_checkpoints();
  for (auto& engine : engines_) {
    std::fstream file(checkpoint_of(*engine), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(5000);
    file << "damaged";
  }
  EngineProcess fresh(engine_options());
  EXPECT_THAT(fresh.log_text(), HasSubstr(took));
  EXPECT_GT(std::stoi(replayed(fresh)), keys_of_a_checkpoint);
  expect_all_keys(fresh);
}

// The engines that have shown themselves last are gone. What is there is of a longer journal.
TEST_F(EmptyDataDirectory, IsFilledFromTheRowsWhereNoOtherEngineIs) {
  EngineProcess alone(
      {.arguments = {"--checkpoint-after", "100"}, .master_key_file = key_file(), .tls = nullptr});
  auto client = alone.client();
  for (int i = 0; i < 400; ++i) create_key(client);
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(checkpoint_of(alone)); }));
  EXPECT_EQ(alone.stop(), 0);
  for (auto& engine : engines_) engine->kill();
  std::filesystem::remove_all(engines_.front()->data_directory());
  std::filesystem::create_directory(engines_.front()->data_directory());
  std::filesystem::copy(checkpoint_of(alone), checkpoint_of(*engines_.front()));
  engines_.front()->start();
  EXPECT_THAT(engines_.front()->log_text(), HasSubstr("took no checkpoint of another engine"));
  expect_all_keys(*engines_.front());
}

TEST_F(EmptyDataDirectory, OnlyOfAnEngineOfTheJournal) {
  wait_for_checkpoints();
  auto& engine = follower();
  const auto status = [&](Headers headers) {
    return HttpClient(engine.port()).request("GET", "/v1/checkpoint", headers).status;
  };
  EXPECT_EQ(status({}), 401);
  EXPECT_EQ(status({{"Authorization", "Bearer " + engine.master_key()}}), 401);
  EXPECT_EQ(status({{"Revoked-Forwarded", "a-guess"}}), 401);
  EXPECT_EQ(status({{"Revoked-Forwarded", ""}}), 401);
  const auto secret = secret_of_the_journal();
  EXPECT_EQ(status({{"Revoked-Forwarded", secret.substr(1)}}), 401);
  EXPECT_EQ(status({{"Revoked-Forwarded", secret}}), 200);
  std::filesystem::remove(checkpoint_of(engine));
  EXPECT_EQ(status({{"Revoked-Forwarded", secret}}), 404);
}

}  // namespace revoked::test::bootstrap_systest
