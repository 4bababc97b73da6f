#include <gtest/gtest.h>

#include "tests/engine/engine_fixtures.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::engine_describe_test {

using revoked::test::TemporaryDirectory;
using test::digest_of;
using test::FakeDisk;
using test::Harness;

// With both stores: descriptions are read from the store.
class Describe : public testing::TestWithParam<bool> {
 protected:
  ~Describe() override { disk_->unblock(); }

  Revocation revocation_of(std::string_view key_id) {
    const auto found = engine_->describe(key_id, 1);
    EXPECT_TRUE(found);
    if (!found || !found->revocation) return {};
    EXPECT_EQ(found->decision.state, KeyState::revoked);
    return *found->revocation;
  }

  TemporaryDirectory directory_;
  std::shared_ptr<FakeDisk> disk_ = std::make_shared<FakeDisk>();
  Harness engine_ = GetParam() ? Harness(directory_ / "data") : Harness(disk_);
};

INSTANTIATE_TEST_SUITE_P(Stores, Describe, testing::Bool(),
                         [](const auto& store) { return store.param ? "Files" : "Fake"; });

TEST_P(Describe, AnswersEverythingThatWasGiven) {
  NewKey key;
  key.key_id = "k1";
  key.digest = digest_of("k1");
  key.owners = {"u1", "a1", "w1"};
  key.name = "build server";
  key.permissions = "keys:read";
  key.metadata = R"({"team":"infra"})";
  key.expires_at = 5000;
  const auto before = now_unix_ms();
  const auto created = engine_->create(key, {"admin", "10.0.0.1", "r1"}).value();
  engine_.now_and_later([&] {
    const auto found = engine_->describe("k1", 1);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->decision.state, KeyState::active);
    EXPECT_EQ(found->decision.key_id, "k1");
    EXPECT_EQ(found->decision.owner(Scope::user), "u1");
    EXPECT_EQ(found->decision.owner(Scope::application), "a1");
    EXPECT_EQ(found->decision.owner(Scope::workspace), "w1");
    EXPECT_EQ(found->decision.permissions, "keys:read");
    EXPECT_EQ(found->name, "build server");
    EXPECT_EQ(found->metadata, R"({"team":"infra"})");
    EXPECT_EQ(found->expires_at, 5000);
    EXPECT_EQ(found->created_at, created.at);
    EXPECT_GE(found->created_at, before);
    EXPECT_EQ(found->created, (Position{1, created.sequence}));
    EXPECT_FALSE(found->revocation);
  });
}

TEST_P(Describe, SaysSinceWhenAndWhyAKeyIsRevoked) {
  engine_.create("k1", {"u1"}).value();
  const auto revoked = engine_->revoke("k1", "leaked on a forum", {}).value();
  engine_.create("k2", {"u1"}).value();
  engine_->revoke_owner(Scope::user, "u1", "offboarding", {}).value();  // later, so without effect on k1
  engine_.now_and_later([&] {
    const auto found = revocation_of("k1");
    EXPECT_EQ(found.position, (Position{1, revoked.sequence}));
    EXPECT_EQ(found.at, revoked.at);
    EXPECT_EQ(found.reason, "leaked on a forum");
    EXPECT_EQ(engine_->describe("k1", 1)->expires_at, 0);
  });
}

TEST_P(Describe, TheFirstOfTwoOwnerRevocationsWins) {
  engine_.create("k1", {"u1", "a1", "w1"}).value();
  engine_.create("k2", {"u2", "a1", "w1"}).value();
  const auto first = engine_->revoke_owner(Scope::application, "a1", "first", {}).value();
  engine_->revoke_owner(Scope::user, "u1", "second", {}).value();
  engine_.create("k3", {"u1", "a1", "w1"}).value();  // affected only by what follows
  const auto third = engine_->revoke_owner(Scope::application, "a1", "third", {}).value();
  engine_->revoke_owner(Scope::workspace, "w1", "fourth", {}).value();
  EXPECT_TRUE(engine_->revoke("k1", "fifth", {})->already);
  engine_.now_and_later([&] {
    for (const char* id : {"k1", "k2"}) {
      const auto found = revocation_of(id);
      EXPECT_EQ(found.position, (Position{1, first.sequence})) << id;
      EXPECT_EQ(found.at, first.at);
      EXPECT_EQ(found.reason, "first");
    }
    EXPECT_EQ(revocation_of("k3").position, (Position{1, third.sequence}));
    EXPECT_EQ(revocation_of("k3").reason, "third");
  });
}

TEST_P(Describe, SimilarOwnersAreNotMixedUp) {
  engine_.create("k1", {"u"}).value();
  engine_.create("k2", {"u1"}).value();
  engine_.create("k3", {"", "u"}).value();
  engine_->revoke_owner(Scope::user, "u1", "other", {}).value();
  engine_->revoke_owner(Scope::application, "u", "scope", {}).value();
  const auto own = engine_->revoke("k1", "own", {}).value();
  engine_.now_and_later([&] {
    EXPECT_EQ(revocation_of("k1").position.sequence, own.sequence);
    EXPECT_EQ(revocation_of("k1").reason, "own");
    EXPECT_EQ(revocation_of("k2").reason, "other");
    EXPECT_EQ(revocation_of("k3").reason, "scope");
  });
}

TEST_P(Describe, FindsARevocationInTheMiddleOfABatch) {
  if (!GetParam()) disk_->block();  // so that all that follows is one batch
  engine_.create("k0").value();
  if (!GetParam()) disk_->wait_until_blocked();
  for (int i = 1; i < 50; ++i) engine_.create("k" + std::to_string(i)).value();
  for (int i = 0; i < 50; ++i)
    engine_->revoke("k" + std::to_string(i), "because " + std::to_string(i), {}).value();
  disk_->unblock();
  engine_.now_and_later([&] {
    for (int i = 0; i < 50; ++i) {
      EXPECT_EQ(revocation_of("k" + std::to_string(i)).reason, "because " + std::to_string(i));
    }
  });
}

TEST_P(Describe, KnowsTheEpochOfARevocation) {
  engine_.create("k1").value();
  engine_.restart();
  const auto revoked = engine_->revoke("k1", "", {}).value();
  engine_.now_and_later([&] {
    EXPECT_EQ(revocation_of("k1").position, (Position{2, revoked.sequence}));
    EXPECT_EQ(engine_->describe("k1", 1)->created.epoch, 1u);
  });
}

using DescribeHeld = test::FakeDiskFixture;

TEST_F(DescribeHeld, SaysRevokedWhileTheDetailsAreNotYetSynced) {
  engine_.create("k1", {"u1"}).value();
  engine_.create("k2", {"u1"}).value();
  engine_.sync();
  disk_->visible_before_synced = true;
  disk_->block();
  engine_->revoke("k1", "leaked", {}).value();
  disk_->wait_until_blocked();
  engine_->revoke_owner(Scope::user, "u1", "gone", {}).value();
  for (const char* id : {"k1", "k2"}) {
    const auto found = engine_->describe(id, 1);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->decision.state, KeyState::revoked);
    ASSERT_TRUE(found->revocation);
    EXPECT_EQ(found->revocation->reason, "");
  }
  disk_->unblock();
  engine_.sync();
  EXPECT_EQ(engine_->describe("k1", 1)->revocation->reason, "leaked");
  EXPECT_EQ(engine_->describe("k2", 1)->revocation->reason, "gone");
}

}  // namespace revoked::engine::engine_describe_test
