// Suspending, resuming, rotating, and revoking an owner of whose keys the caller reaches only some.

#include <gtest/gtest.h>

#include "tests/engine/engine_fixtures.hpp"
#include "tests/engine/limited_callers.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::engine::lifecycle_test {

using test::caller_of;
using test::digest_of;
using test::of_workspaces;

constexpr UnixMs an_hour_ms = 3'600'000;

using Lifecycle = test::FakeDiskFixture;

TEST_F(Lifecycle, P2AbsorbingAResumptionWaitsForTheDiskAndASuspensionDoesNot) {
  engine_.create("k").value();
  engine_.sync();
  hold_the_disk();
  ASSERT_TRUE(engine_->suspend("k", "", {}));
  EXPECT_EQ(engine_.state("k"), KeyState::suspended);
  ASSERT_TRUE(engine_->resume("k", "", {}));
  EXPECT_EQ(engine_.state("k"), KeyState::suspended) << "an allow never precedes the disk";
  disk_->unblock();
  EXPECT_TRUE(revoked::test::eventually([&] { return engine_.state("k") == KeyState::active; }));
}

TEST_F(Lifecycle, P2AbsorbingAResumptionNeverBringsARevokedKeyBack) {
  engine_.create("k").value();
  ASSERT_TRUE(engine_->suspend("k", "", {}));
  engine_.sync();
  hold_the_disk();
  ASSERT_TRUE(engine_->resume("k", "", {}));
  ASSERT_TRUE(engine_->revoke("k", "", {}));
  disk_->unblock();
  engine_.sync();
  EXPECT_EQ(engine_.state("k"), KeyState::revoked);
  EXPECT_EQ(engine_->resume("k", "", {}).error(), errc::already_revoked);
}

TEST_F(Lifecycle, P4ARevocationEndsBothSecretsOfARotatedKey) {
  engine_.create("k").value();
  ASSERT_TRUE(engine_->rotate("k", digest_of("new"), an_hour_ms, {}));
  engine_.sync();
  const auto now = now_unix_ms();
  EXPECT_EQ(engine_.state("k", now), KeyState::active) << "during the grace";
  EXPECT_EQ(engine_.state("k", now + 2 * an_hour_ms), KeyState::expired);
  EXPECT_EQ(engine_.state("new", now), KeyState::active);
  // By the old secret, the leaked one.
  ASSERT_TRUE(engine_->revoke(digest_of("k"), "leaked", {}));
  EXPECT_EQ(engine_.state("k", now), KeyState::revoked);
  EXPECT_EQ(engine_.state("new", now), KeyState::revoked);
  engine_.sync();
  engine_.restart();
  EXPECT_EQ(engine_.state("k", now), KeyState::revoked);
  EXPECT_EQ(engine_.state("new", now), KeyState::revoked);
}

TEST_F(Lifecycle, SurvivesARestart) {
  engine_.create("s").value();
  engine_.create("r").value();
  ASSERT_TRUE(engine_->suspend("s", "", {}));
  ASSERT_TRUE(engine_->rotate("r", digest_of("new"), 0, {}));
  engine_.sync();
  engine_.restart();
  EXPECT_EQ(engine_.state("s"), KeyState::suspended);
  EXPECT_EQ(engine_.state("r", now_unix_ms() + 1), KeyState::expired);
  EXPECT_EQ(engine_.state("new"), KeyState::active);
}

TEST_F(Lifecycle, HowWideWhoSuspendedAKeyWasSurvivesARestart) {
  const auto narrow = of_workspaces({"w1"});
  const auto wider = of_workspaces({"w1", "w2"});
  for (const auto* id : {"by-all", "by-wider", "by-narrow", "by-both"})
    engine_.create(id, {"u", "", "w1"}).value();
  ASSERT_TRUE(engine_->suspend("by-all", "", {}));
  ASSERT_TRUE(engine_->suspend("by-wider", "", caller_of(wider)));
  ASSERT_TRUE(engine_->suspend("by-narrow", "", caller_of(narrow)));
  ASSERT_TRUE(engine_->suspend("by-both", "", caller_of(narrow)));
  ASSERT_TRUE(engine_->suspend("by-both", "", caller_of(wider)));
  engine_.sync();
  engine_.restart();
  EXPECT_EQ(engine_->resume("by-all", "", caller_of(narrow)).error(), errc::suspended_by_wider);
  EXPECT_EQ(engine_->resume("by-all", "", caller_of(wider)).error(), errc::suspended_by_wider);
  EXPECT_EQ(engine_->resume("by-wider", "", caller_of(narrow)).error(), errc::suspended_by_wider);
  EXPECT_EQ(engine_->resume("by-both", "", caller_of(narrow)).error(), errc::suspended_by_wider);
  EXPECT_TRUE(engine_->resume("by-narrow", "", caller_of(narrow)));
  EXPECT_TRUE(engine_->resume("by-wider", "", caller_of(wider)));
  EXPECT_TRUE(engine_->resume("by-both", "", caller_of(wider)));
  EXPECT_TRUE(engine_->resume("by-all", "", {}));
  engine_.sync();
  for (const auto* id : {"by-all", "by-wider", "by-narrow", "by-both"})
    EXPECT_TRUE(revoked::test::eventually([&] { return engine_.state(id) == KeyState::active; })) << id;
}

TEST_F(Lifecycle, ASuspensionBehindAPendingResumptionIsOfWhoMadeIt) {
  const auto narrow = of_workspaces({"w1"});
  engine_.create("k", {"", "", "w1"}).value();
  ASSERT_TRUE(engine_->suspend("k", "", {}));
  engine_.sync();
  hold_the_disk();
  ASSERT_TRUE(engine_->resume("k", "", {}));
  ASSERT_TRUE(engine_->suspend("k", "", caller_of(narrow)));
  EXPECT_TRUE(engine_->resume("k", "", caller_of(narrow)));
  disk_->unblock();
  EXPECT_TRUE(revoked::test::eventually([&] { return engine_.state("k") == KeyState::active; }));
}

TEST_F(Lifecycle, P8ACallerOfOneWorkspaceRevokesAUsersKeysThereAndNoOthers) {
  engine_.create("a", {"u", "", "w1"}).value();
  engine_.create("b", {"u", "", "w2"}).value();
  engine_.create("c", {"v", "", "w1"}).value();
  engine_.sync();
  Reach reach;
  reach.limits[static_cast<std::size_t>(Scope::workspace)] = {"w1"};
  Caller caller;
  caller.reach = &reach;
  EXPECT_EQ(engine_->revoke_owner(Scope::user, "u", "", caller)->keys, 1u);
  EXPECT_EQ(engine_.state("a"), KeyState::revoked);
  EXPECT_EQ(engine_.state("b"), KeyState::active);
  EXPECT_EQ(engine_.state("c"), KeyState::active);
  EXPECT_EQ(engine_->revoke_owner(Scope::workspace, "w2", "", caller)->keys, 0u) << "foreign looks absent";
  EXPECT_EQ(engine_.state("b"), KeyState::active);
  EXPECT_EQ(engine_->revoke_owner(Scope::user, "u", "", {})->keys, 1u) << "the remaining ones";
}

}  // namespace revoked::engine::lifecycle_test
