// The results of the verbs without faults.

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/engine/engine_fixtures.hpp"

namespace revoked::engine::engine_verbs_test {

using test::digest_of;
using test::FakeDisk;

using EngineTest = test::FakeDiskFixture;

TEST_F(EngineTest, AKeyIsActiveUntilItIsRevoked) {
  EXPECT_EQ(engine_.state("k1"), KeyState::unknown);
  const auto created = engine_.create("k1", {"u1", "a1", "w1"});
  ASSERT_TRUE(created);
  EXPECT_EQ(created->key_id, "k1");
  EXPECT_EQ(created->sequence, 2u);  // after the start of the epoch
  engine_.sync();
  EXPECT_EQ(engine_.state("k1"), KeyState::active);
  const auto revoked = engine_->revoke("k1", "leaked", {});
  ASSERT_TRUE(revoked);
  EXPECT_FALSE(revoked->already);
  EXPECT_EQ(revoked->sequence, 3u);
  EXPECT_EQ(engine_.state("k1"), KeyState::revoked);
}

TEST_F(EngineTest, VerifyAnswersAllThatADecisionNeeds) {
  NewKey key;
  key.key_id = "k1";
  key.digest = digest_of("k1");
  key.owners = {"u1", "a-rather-long-application-id", "w1@example:eu+1"};
  key.permissions = "keys:read keys:verify";
  key.expires_at = 1000;
  ASSERT_TRUE(engine_->create(key, {}));
  engine_.sync();
  Decision decision;
  decision.key_id = "left over";
  ASSERT_TRUE(engine_->verify(key.digest, 999, decision));
  EXPECT_EQ(decision.state, KeyState::active);
  EXPECT_EQ(decision.key_id, "k1");
  EXPECT_EQ(decision.owner(Scope::user), "u1");
  EXPECT_EQ(decision.owner(Scope::application), "a-rather-long-application-id");
  EXPECT_EQ(decision.owner(Scope::workspace), "w1@example:eu+1");
  EXPECT_EQ(decision.permissions, "keys:read keys:verify");
  EXPECT_EQ(decision.expires_at, 1000);
  EXPECT_EQ(decision.as_of, (Position{1, 2}));
}

TEST_F(EngineTest, AKeyExpiresAtItsTime) {
  NewKey key;
  key.key_id = "k1";
  key.digest = digest_of("k1");
  key.expires_at = 1000;
  ASSERT_TRUE(engine_->create(key, {}));
  engine_.sync();
  EXPECT_EQ(engine_.state("k1", 999), KeyState::active);
  EXPECT_EQ(engine_.state("k1", 1000), KeyState::expired);
  ASSERT_TRUE(engine_->revoke("k1", "", {}));
  EXPECT_EQ(engine_.state("k1", 1000), KeyState::revoked);  // permanent, so it takes precedence
}

TEST_F(EngineTest, RevokingAgainAnswersTheSame) {
  engine_.create("k1").value();
  const auto first = engine_->revoke("k1", "leaked", {});
  const auto again = engine_->revoke("k1", "other", {});
  ASSERT_TRUE(first && again);
  EXPECT_TRUE(again->already);
  EXPECT_EQ(again->sequence, first->sequence);
  EXPECT_EQ(engine_->applied(), first->sequence);  // no second event
}

TEST_F(EngineTest, RevokesByWhatLeaked) {
  engine_.create("k1").value();
  const auto revoked = engine_->revoke(digest_of("k1"), "leaked", {});
  ASSERT_TRUE(revoked);
  engine_.sync();
  EXPECT_EQ(engine_.state("k1"), KeyState::revoked);
  EXPECT_EQ(engine_->revoke(digest_of("k2"), "", {}).error(), errc::not_found);
}

TEST_F(EngineTest, RecordsThatASecretWasReported) {
  for (const auto* const key : {"id", "secret", "many-id", "many-secret"}) engine_.create(key).value();
  ASSERT_TRUE(engine_->revoke("id", "", {}));
  ASSERT_TRUE(engine_->revoke(digest_of("secret"), "", {}));
  const std::vector<AskedRevocation> asked{{"many-id", {}, ""}, {"", digest_of("many-secret"), ""}};
  ASSERT_TRUE(engine_->revoke_many(asked, false, {}));
  engine_.sync();
  std::vector<std::string> exposed;
  ASSERT_TRUE(engine_->read_journal(0, [&](const BatchView& batch) {
    return batch.for_each([&](Sequence, const EventView& event) {
      if (!event[Field::exposed].empty()) exposed.emplace_back(event[Field::key_id]);
    });
  }));
  EXPECT_EQ(exposed, (std::vector<std::string>{"secret", "many-secret"}));
}

TEST_F(EngineTest, UnknownKeysAreNotFound) {
  EXPECT_EQ(engine_->revoke("k1", "", {}).error(), errc::not_found);
  EXPECT_EQ(engine_->revoke("", "", {}).error(), errc::not_found);
  EXPECT_EQ(engine_->revoke(std::string(5000, 'x'), "", {}).error(), errc::not_found);
  EXPECT_EQ(engine_->describe("k1", 1).error(), errc::not_found);
  EXPECT_EQ(engine_->key_id_of(digest_of("k1"), {}).error(), errc::not_found);
  EXPECT_EQ(engine_->applied(), 1u);
}

TEST_F(EngineTest, IdsAndSecretsAreUnique) {
  engine_.create("k1").value();
  EXPECT_EQ(engine_.create("k1").error(), errc::already_exists);
  NewKey same_id;
  same_id.key_id = "k1";
  same_id.digest = digest_of("another");
  EXPECT_EQ(engine_->create(same_id, {}).error(), errc::already_exists);
  NewKey same_digest;
  same_digest.key_id = "k2";
  same_digest.digest = digest_of("k1");
  EXPECT_EQ(engine_->create(same_digest, {}).error(), errc::already_exists);
  EXPECT_EQ(engine_->size().keys, 1u);
  ASSERT_TRUE(engine_->revoke("k1", "", {}));
  EXPECT_EQ(engine_.create("k1").error(), errc::already_exists);  // P2: a revoked id is never reused
}

TEST_F(EngineTest, IssuesAnIdWhereNoneIsGiven) {
  const auto created = engine_.create("");
  ASSERT_TRUE(created);
  EXPECT_EQ(created->key_id.size(), 36u);
  EXPECT_EQ(engine_->key_id_of(digest_of(""), {}).value(), created->key_id);
  EXPECT_TRUE(engine_->revoke(created->key_id, "", {}));
}

TEST_F(EngineTest, RefusesMalformedKeys) {
  const auto refused = [&](auto change) {
    NewKey key;
    key.key_id = "k1";
    key.digest = digest_of("k1");
    change(key);
    const auto created = engine_->create(key, {});
    return created ? errc{} : static_cast<errc>(created.error().value());
  };
  const std::string long_id(129, 'a');
  const std::string name(max_name_size + 1, 'a');
  const std::string permissions(max_permissions_size + 1, 'a');
  const std::string metadata(max_metadata_size + 1, 'a');
  EXPECT_EQ(refused([](NewKey& key) { key.key_id = "a b"; }), errc::invalid_key_id);
  EXPECT_EQ(refused([&](NewKey& key) { key.key_id = long_id; }), errc::invalid_key_id);
  EXPECT_EQ(refused([](NewKey& key) { key.key_id = "u/x"; }), errc::invalid_key_id);
  for (const Scope scope : all_scopes) {
    const auto at = static_cast<std::size_t>(scope);
    EXPECT_EQ(refused([&](NewKey& key) { key.owners[at] = "a\nb"; }), errc::invalid_owner_id);
    EXPECT_EQ(refused([&](NewKey& key) { key.owners[at] = std::string(max_owner_id_size + 1, 'a'); }),
              errc::invalid_owner_id);
  }
  EXPECT_EQ(refused([&](NewKey& key) { key.name = name; }), errc::invalid_field);
  EXPECT_EQ(refused([&](NewKey& key) { key.permissions = permissions; }), errc::invalid_field);
  EXPECT_EQ(refused([](NewKey& key) { key.permissions = "a  b"; }), errc::invalid_field);
  EXPECT_EQ(refused([&](NewKey& key) { key.metadata = metadata; }), errc::invalid_field);
  EXPECT_EQ(refused([](NewKey& key) { key.expires_at = -1; }), errc::invalid_field);
  EXPECT_EQ(engine_->applied(), 1u);
  EXPECT_EQ(refused([](NewKey&) {}), errc{});
}

TEST_F(EngineTest, RefusesMalformedRevocations) {
  engine_.create("k1", {"u1"}).value();
  const std::string reason(max_reason_size + 1, 'x');
  EXPECT_EQ(engine_->revoke("k1", reason, {}).error(), errc::invalid_field);
  EXPECT_EQ(engine_->revoke_owner(Scope::user, "u1", reason, {}).error(), errc::invalid_field);
  EXPECT_EQ(engine_->revoke_owner(Scope::user, "", "", {}).error(), errc::invalid_owner_id);
  EXPECT_EQ(engine_->revoke_owner(Scope::user, "a\nb", "", {}).error(), errc::invalid_owner_id);
  EXPECT_EQ(engine_->applied(), 2u);
}

TEST_F(EngineTest, AnOversizedCallerNeverBreaksTheJournal) {
  const std::string large(70'000, 'x');
  const Caller caller{large, large, large};
  NewKey key;
  key.key_id = "k1";
  key.digest = digest_of("k1");
  key.owners = {"u1"};
  engine_->create(key, caller).value();
  engine_->revoke("k1", "", caller).value();
  engine_.create("k2", {"u1"}).value();
  engine_->revoke_owner(Scope::user, "u1", "", caller).value();
  EXPECT_TRUE(engine_.wait_until_durable(5));
  engine_.restart();
  EXPECT_TRUE(engine_.started());
  EXPECT_EQ(engine_.state("k1"), KeyState::revoked);
  EXPECT_EQ(engine_.state("k2"), KeyState::revoked);
}

TEST_F(EngineTest, OwnerRevocationsCountTheirKeys) {
  for (const char* id : {"k1", "k2", "k3"}) engine_.create(id, {"u1", "a1", "w1"}).value();
  engine_.create("k4", {"u2", "a1", "w1"}).value();
  engine_->revoke("k1", "", {}).value();
  EXPECT_EQ(engine_->revoke_owner(Scope::user, "u1", "", {})->keys, 2u);
  EXPECT_EQ(engine_->revoke_owner(Scope::user, "u1", "", {})->keys, 0u);
  // A key counts until it or this owner is revoked.
  EXPECT_EQ(engine_->revoke_owner(Scope::application, "a1", "", {})->keys, 3u);
  EXPECT_EQ(engine_->revoke_owner(Scope::workspace, "w2", "", {})->keys, 0u);
  engine_.sync();
  for (const char* id : {"k1", "k2", "k3", "k4"}) EXPECT_EQ(engine_.state(id), KeyState::revoked);
}

TEST_F(EngineTest, RevokingAnOwnerWithoutLiveKeysIsNoEvent) {
  engine_.create("k1", {"u1"}).value();
  const auto first = engine_->revoke_owner(Scope::user, "u1", "", {}).value();
  const auto again = engine_->revoke_owner(Scope::user, "u1", "", {}).value();
  EXPECT_EQ(engine_->applied(), first.sequence);
  EXPECT_GE(again.sequence, first.sequence);  // the answer waits for the earlier event
  EXPECT_EQ(engine_->revoke_owner(Scope::user, "never-seen", "", {})->keys, 0u);
  EXPECT_EQ(engine_->applied(), first.sequence);
}

TEST_F(EngineTest, KeysCreatedAfterAnOwnersRevocationLive) {
  engine_.create("old", {"u1"}).value();
  engine_->revoke_owner(Scope::user, "u1", "", {}).value();
  engine_.create("new", {"u1"}).value();
  for (int i = 0; i < 3; ++i) {
    engine_.sync();
    EXPECT_EQ(engine_.state("old"), KeyState::revoked);
    EXPECT_EQ(engine_.state("new"), KeyState::active);
    engine_.restart();
  }
  EXPECT_EQ(engine_->revoke_owner(Scope::user, "u1", "", {})->keys, 1u);
  EXPECT_EQ(engine_.state("new"), KeyState::revoked);
}

TEST_F(EngineTest, ScopesAreApart) {
  engine_.create("k1", {"x"}).value();
  engine_.create("k2", {"", "x"}).value();
  engine_.create("k3", {"", "", "x"}).value();
  engine_.sync();
  EXPECT_EQ(engine_->revoke_owner(Scope::application, "x", "", {})->keys, 1u);
  EXPECT_EQ(engine_.state("k1"), KeyState::active);
  EXPECT_EQ(engine_.state("k2"), KeyState::revoked);
  EXPECT_EQ(engine_.state("k3"), KeyState::active);
}

TEST(Engine, IsNotReadyBeforeItsStartAndAfterItsStop) {
  Engine engine({}, [] {});
  Decision decision;
  EXPECT_FALSE(engine.is_ready());
  EXPECT_FALSE(engine.has_failed());
  EXPECT_EQ(engine.create({}, {}).error(), errc::not_ready);
  EXPECT_EQ(engine.revoke("k1", "", {}).error(), errc::not_ready);
  EXPECT_EQ(engine.revoke(Digest{}, "", {}).error(), errc::not_ready);
  EXPECT_EQ(engine.revoke_owner(Scope::user, "u1", "", {}).error(), errc::not_ready);
  EXPECT_EQ(engine.verify({}, 1, decision).error(), errc::not_ready);
  EXPECT_EQ(engine.describe("k1", 1).error(), errc::not_ready);
  EXPECT_EQ(engine.key_id_of({}, {}).error(), errc::not_ready);
  EXPECT_EQ(engine.read_journal(0, [](const BatchView&) { return true; }).error(), errc::not_ready);
  test::RecordingListener listener;
  const auto disk = std::make_shared<FakeDisk>();
  ASSERT_TRUE(engine.start(std::make_unique<test::FakeStore>(disk), listener, [](const LoadProgress&) {}));
  EXPECT_TRUE(engine.is_ready());
  engine.stop();
  EXPECT_FALSE(engine.is_ready());
  EXPECT_EQ(engine.create({}, {}).error(), errc::not_ready);
  EXPECT_TRUE(engine.verify({}, 1, decision));  // loaded keys are still known
}

// An import's second line that is refused does not affect the others.
TEST_F(EngineTest, ManyKeysAreCreatedInOneTurnAndEachIsAnsweredForItself) {
  ASSERT_TRUE(engine_.create("there"));
  const auto asked_for = [](std::string_view id, std::string_view secret) {
    NewKey asked;
    asked.key_id = id;
    asked.digest = digest_of(secret);
    asked.owners = {"u1", "a1", "w1"};
    return asked;
  };
  const std::vector<NewKey> asked{asked_for("one", "one"),   asked_for("there", "x"), asked_for("one", "y"),
                                  asked_for("two", "there"), asked_for("no id", "z"), asked_for("", "issued"),
                                  asked_for("two", "two")};
  const auto many = engine_->create_many(asked, {});
  ASSERT_TRUE(many);
  EXPECT_EQ(many->last, engine_->applied());
  const auto exists = make_error_code(errc::already_exists);
  const std::vector<boost::system::error_code> expected{
      {}, exists, exists, exists, make_error_code(errc::invalid_key_id), {}, {}};
  for (std::size_t i = 0; i < asked.size(); ++i) EXPECT_EQ(many->errors[i], expected[i]) << i;
  EXPECT_TRUE(is_key_id(many->issued_ids[5])) << many->issued_ids[5];
  engine_.sync();
  EXPECT_EQ(*engine_->key_id_of(digest_of("issued"), {}), many->issued_ids[5]);
  for (const auto* secret : {"one", "two", "issued"}) EXPECT_EQ(engine_.state(secret), KeyState::active);
  for (const auto* secret : {"x", "y", "z"}) EXPECT_EQ(engine_.state(secret), KeyState::unknown);
  EXPECT_EQ(engine_->revoke_owner(Scope::user, "u1", "", {})->keys, 3u);
}

// A caller that must retry later sends the same request.
TEST_F(EngineTest, ManyKeysThatWereRefusedAsTooManyMayBeAskedForAgain) {
  disk_->block();
  const std::string metadata = "{\"a\":\"" + std::string(max_metadata_size - 16, 'x') + "\"}";
  NewKey filling;
  filling.metadata = metadata;
  for (std::uint64_t i = 0;; ++i) {
    std::memcpy(filling.digest.data(), &i, sizeof i);
    if (!engine_->create(filling, {})) break;
  }
  std::vector<NewKey> asked(3);
  for (std::size_t i = 0; i < asked.size(); ++i) asked[i].digest = digest_of(std::to_string(i));
  for (int i = 0; i < 3; ++i) {
    std::vector<std::string> others(100, "what the memory of issued ids is used for next");
    EXPECT_EQ(engine_->create_many(asked, {}).error(), errc::overloaded);
  }
  disk_->unblock();
  engine_.sync();
  const auto many = engine_->create_many(asked, {});
  ASSERT_TRUE(many);
  for (const auto& error : many->errors) EXPECT_FALSE(error) << error.message();
  for (std::size_t i = 0; i < asked.size(); ++i)
    EXPECT_EQ(*engine_->key_id_of(asked[i].digest, {}), many->issued_ids[i]);
}

}  // namespace revoked::engine::engine_verbs_test
