// Which secrets of a rotated key are valid, and until when.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/engine/engine_fixtures.hpp"

namespace revoked::engine::rotation_test {

using test::digest_of;
using test::StartFrom;

constexpr UnixMs an_hour_ms = 3'600'000;

class Rotation : public test::RestartFixture {
 protected:
  result<RotatedKey> rotate(std::string_view secret, UnixMs grace_ms) {
    return engine_->rotate("k", digest_of(secret), grace_ms, {});
  }
  // The ends of the live secrets, newest first.
  std::vector<UnixMs> ends(UnixMs now = now_unix_ms()) {
    std::vector<UnixMs> ends;
    const auto found = engine_->describe("k", now);
    if (!found) return {-1};
    for (const auto& secret : found->secrets) ends.push_back(secret.ends_at);
    return ends;
  }
};

INSTANTIATE_TEST_SUITE_P(Starts, Rotation, testing::Values(StartFrom::journal, StartFrom::checkpoint),
                         test::name_of_start);

TEST_P(Rotation, WithoutGraceEndsEverySecretBeforeIt) {
  engine_.create("k").value();
  ASSERT_TRUE(rotate("second", an_hour_ms));
  ASSERT_TRUE(rotate("third", 0));
  engine_.now_and_later([&] {
    const auto now = now_unix_ms();
    EXPECT_EQ(engine_.state("k", now), KeyState::expired) << "the grace was that of another rotation";
    EXPECT_EQ(engine_.state("second", now), KeyState::expired);
    EXPECT_EQ(engine_.state("third", now), KeyState::active);
    EXPECT_EQ(ends(now), std::vector<UnixMs>{0});
    // Whatever the clock shows.
    EXPECT_EQ(engine_.state("k", now - 2 * an_hour_ms), KeyState::expired);
    EXPECT_EQ(engine_.state("second", now - 2 * an_hour_ms), KeyState::expired);
  });
}

TEST_P(Rotation, LetsTheSecretBeforeItLiveAndEndsOlderOnes) {
  engine_.create("k").value();
  ASSERT_TRUE(rotate("second", an_hour_ms));
  const auto rotated = rotate("third", 2 * an_hour_ms);
  ASSERT_TRUE(rotated);
  engine_.now_and_later([&] {
    const auto now = now_unix_ms();
    EXPECT_EQ(engine_.state("k", now), KeyState::expired);
    EXPECT_EQ(engine_.state("second", now), KeyState::active);
    EXPECT_EQ(engine_.state("second", rotated->old_ends_at), KeyState::expired);
    EXPECT_EQ(engine_.state("third", rotated->old_ends_at), KeyState::active);
    EXPECT_EQ(ends(now), (std::vector<UnixMs>{0, rotated->old_ends_at}));
  });
}

TEST_P(Rotation, NoSecretOutlivesItsKey) {
  const auto end = now_unix_ms() + an_hour_ms;
  NewKey key;
  key.key_id = "k";
  key.digest = digest_of("k");
  key.expires_at = end;
  engine_->create(key, {}).value();
  const auto rotated = rotate("second", 5 * an_hour_ms);
  ASSERT_TRUE(rotated);
  EXPECT_EQ(rotated->old_ends_at, end);
  engine_.now_and_later([&] {
    EXPECT_EQ(ends(), (std::vector<UnixMs>{end, end}));
    EXPECT_EQ(engine_.state("k", end), KeyState::expired);
    EXPECT_EQ(engine_.state("second", end), KeyState::expired);
    EXPECT_TRUE(ends(end).empty());
  });
}

TEST_P(Rotation, ARevokedKeyHasNoLivingSecret) {
  engine_.create("k", {"ann", "", ""}).value();
  ASSERT_TRUE(rotate("second", an_hour_ms));
  ASSERT_TRUE(engine_->revoke_owner(Scope::user, "ann", "", {}));
  engine_.now_and_later([&] {
    EXPECT_TRUE(ends().empty());
    EXPECT_EQ(engine_.state("k"), KeyState::revoked);
    EXPECT_EQ(engine_.state("second"), KeyState::revoked);
  });
}

// The work of a rotation does not grow with the number of earlier ones.
TEST_P(Rotation, ASuspensionReachesTheLivingSecretsAfterMany) {
  engine_.create("k").value();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(rotate("s" + std::to_string(i), an_hour_ms));
  ASSERT_TRUE(engine_->suspend("k", "", {}));
  engine_.now_and_later([&] {
    const auto now = now_unix_ms();
    EXPECT_EQ(engine_.state("s49", now), KeyState::suspended);
    EXPECT_EQ(engine_.state("s48", now), KeyState::suspended);
    EXPECT_EQ(engine_.state("s47", now), KeyState::expired);
    EXPECT_EQ(ends(now).size(), 2u);
  });
}

class RotationHeld : public test::FakeDiskFixture {
 protected:
  void rotate_and_hold(UnixMs grace_ms) {
    engine_.create("k", {"ann", "", ""}).value();
    engine_.sync();
    position_ = engine_->applied();
    disk_->block();
    ASSERT_TRUE(engine_->rotate("k", digest_of("new"), grace_ms, {}));
    disk_->wait_until_blocked();
  }

  Sequence position_ = 0;
};

TEST_F(RotationHeld, TheKeyIsThereWhileItsNewSecretWaitsForTheDisk) {
  rotate_and_hold(an_hour_ms);
  const auto now = now_unix_ms();
  const auto found = engine_->describe("k", now);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->decision.state, KeyState::active);
  EXPECT_EQ(found->created.sequence, position_);
  ASSERT_EQ(found->secrets.size(), 1u);
  EXPECT_EQ(found->secrets[0].position.sequence, position_);
  EXPECT_GT(found->secrets[0].ends_at, now);
  EXPECT_EQ(engine_.state("k", now), KeyState::active);
  EXPECT_EQ(engine_.state("new", now), KeyState::unknown) << "an allow never precedes the disk";
  KeyQuery query;
  EXPECT_EQ(engine_->list(query, now)->keys.size(), 1u);
  query.owners[0] = "ann";
  EXPECT_EQ(engine_->list(query, now)->keys.size(), 1u);
  AuditQuery audit;
  audit.key_id = "k";
  std::size_t entries = 0;
  ASSERT_TRUE(engine_->audit(audit, [&](Sequence, const EventView&) { ++entries; }));
  EXPECT_EQ(entries, 1u);
}

TEST_F(RotationHeld, TheKeyIsThereThoughItsOldSecretHasEnded) {
  rotate_and_hold(0);
  ASSERT_TRUE(engine_->rotate("k", digest_of("newer"), 0, {}));
  const auto now = now_unix_ms();
  const auto found = engine_->describe("k", now);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->decision.state, KeyState::active);
  EXPECT_TRUE(found->secrets.empty());
  EXPECT_EQ(engine_.state("k", now), KeyState::expired) << "a deny may";
}

TEST_F(RotationHeld, OtherChangesOfTheKeyAreTaken) {
  rotate_and_hold(an_hour_ms);
  ASSERT_TRUE(engine_->suspend("k", "", {}));
  EXPECT_EQ(engine_.state("k", now_unix_ms()), KeyState::suspended);
  EXPECT_EQ(engine_->describe("k", now_unix_ms())->decision.state, KeyState::suspended);
  ASSERT_TRUE(engine_->resume("k", "", {}));
  ASSERT_TRUE(engine_->revoke(digest_of("k"), "leaked", {}));
  EXPECT_EQ(engine_.state("k", now_unix_ms()), KeyState::revoked);
  disk_->unblock();
  engine_.sync();
  EXPECT_EQ(engine_.state("new", now_unix_ms()), KeyState::revoked);
  EXPECT_EQ(engine_->describe("k", now_unix_ms())->revocation->reason, "leaked");
}

TEST_F(RotationHeld, ACallerGoesOnByItsOldSecret) {
  rotate_and_hold(an_hour_ms);
  Decision decision;
  ASSERT_TRUE(engine_->verify(digest_of("k"), now_unix_ms(), decision));
  const auto caller = principal_of(decision);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->actor, "k");
}

}  // namespace revoked::engine::rotation_test
