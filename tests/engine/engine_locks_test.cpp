// Locking and unlocking owners.

#include <gtest/gtest.h>

#include "tests/engine/engine_fixtures.hpp"
#include "tests/engine/limited_callers.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::engine::engine_locks_test {

using revoked::test::eventually;
using test::caller_of;
using test::digest_of;
using test::limited_to;
using test::of_workspaces;

constexpr UnixMs an_hour_ms = 3'600'000;

class Locks : public test::FakeDiskFixture {
 protected:
  void create(std::string_view id, std::array<std::string_view, 3> owners) {
    engine_.create(id, owners).value();
    engine_.sync();
  }
  // By any caller, until it is unlocked.
  void lock(Scope scope, std::string_view id, const Caller& caller = {}) {
    ASSERT_TRUE(engine_->lock_owner(scope, id, 0, "", caller));
  }
  void unlock(Scope scope, std::string_view id, const Caller& caller = {}) {
    ASSERT_TRUE(engine_->unlock_owner(scope, id, "", caller));
    engine_.sync();
  }
  Decision decision_of(std::string_view secret) {
    Decision decision;
    EXPECT_TRUE(engine_->verify(digest_of(secret), now_unix_ms(), decision));
    return decision;
  }
};

TEST_F(Locks, P4DenyEveryKeyOfTheOwnerAtOnceAlsoThoseCreatedLater) {
  const std::array<std::array<std::string_view, 3>, 3> owned{{{"o", "", ""}, {"", "o", ""}, {"", "", "o"}}};
  for (std::size_t i = 0; i < owned.size(); ++i) {
    const auto name = "k" + std::to_string(i);
    create(name, owned[i]);
    const auto locked = engine_->lock_owner(all_scopes[i], "o", 0, "", {});
    ASSERT_TRUE(locked);
    EXPECT_EQ(engine_.state(name), KeyState::locked);
    create(name + "later", owned[i]);
    EXPECT_EQ(engine_.state(name + "later"), KeyState::locked);
    unlock(all_scopes[i], "o");
    EXPECT_EQ(engine_.state(name), KeyState::active);
    EXPECT_EQ(engine_.state(name + "later"), KeyState::active);
  }
}

TEST_F(Locks, StandOnAnOwnerWhoHasNoKeysYet) {
  lock(Scope::user, "new");
  create("k", {"new", "", "w"});
  EXPECT_EQ(engine_.state("k"), KeyState::locked);
  engine_.restart();
  EXPECT_EQ(engine_.state("k"), KeyState::locked);
}

TEST_F(Locks, AreOneEventAndARepetitionIsNone) {
  create("k", {"u", "", ""});
  const auto before = engine_->applied();
  lock(Scope::user, "u");
  lock(Scope::user, "u");
  EXPECT_EQ(engine_->applied(), before + 1);
  unlock(Scope::user, "u");
  unlock(Scope::user, "u");
  EXPECT_EQ(engine_->applied(), before + 2);
  EXPECT_EQ(engine_.state("k"), KeyState::active);
}

TEST_F(Locks, EndByThemselvesWhenTheySay) {
  create("k", {"u", "", ""});
  const auto end = now_unix_ms() + an_hour_ms;
  ASSERT_EQ(engine_->lock_owner(Scope::user, "u", end, "", {})->until, end);
  EXPECT_EQ(engine_.state("k", end - 1), KeyState::locked);
  EXPECT_EQ(engine_.state("k", end), KeyState::active);
  EXPECT_EQ(decision_of("k").locked_until, end);
  engine_.sync();
  engine_.restart();
  EXPECT_EQ(engine_.state("k", end - 1), KeyState::locked);
  EXPECT_EQ(engine_.state("k", end), KeyState::active);
}

TEST_F(Locks, AreNeverShortenedByLockingAgain) {
  create("k", {"u", "", ""});
  const auto end = now_unix_ms() + an_hour_ms;
  ASSERT_TRUE(engine_->lock_owner(Scope::user, "u", end, "", {}));
  EXPECT_EQ(engine_->lock_owner(Scope::user, "u", end - 1000, "", {})->until, end);
  EXPECT_EQ(engine_->lock_owner(Scope::user, "u", end + 1000, "", {})->until, end + 1000);
  EXPECT_EQ(engine_->lock_owner(Scope::user, "u", 0, "", {})->until, 0);
  EXPECT_EQ(engine_->lock_owner(Scope::user, "u", end, "", {})->until, 0);
  EXPECT_EQ(engine_.state("k", end + an_hour_ms), KeyState::locked);
  EXPECT_EQ(engine_->lock_owner(Scope::user, "u", 1, "", {}).error(), errc::invalid_field) << "in the past";
}

TEST_F(Locks, LeaveTheKeysAsTheyAre) {
  create("revoked", {"u", "", ""});
  create("suspended", {"u", "", ""});
  create("rotated", {"u", "", ""});
  ASSERT_TRUE(engine_->rotate("rotated", digest_of("new"), an_hour_ms, {}));
  lock(Scope::user, "u");
  ASSERT_TRUE(engine_->suspend("suspended", "", {}));
  ASSERT_TRUE(engine_->revoke("revoked", "", {}));
  engine_.sync();
  EXPECT_EQ(engine_.state("revoked"), KeyState::revoked);
  EXPECT_EQ(engine_.state("suspended"), KeyState::suspended);
  EXPECT_EQ(engine_.state("rotated"), KeyState::locked);
  EXPECT_EQ(engine_.state("new"), KeyState::locked);
  EXPECT_EQ(engine_->rotate("rotated", digest_of("another"), 0, {}).error(), errc::not_active);
  EXPECT_EQ(engine_->revoke_owner(Scope::user, "u", "", {})->keys, 2u);
  unlock(Scope::user, "u");
  EXPECT_EQ(engine_.state("new"), KeyState::revoked) << "permanently";
}

TEST_F(Locks, P2AbsorbingAnUnlockingWaitsForTheDiskAndALockDoesNot) {
  create("k", {"u", "", ""});
  hold_the_disk();
  lock(Scope::user, "u");
  EXPECT_EQ(engine_.state("k"), KeyState::locked);
  const auto unlocked = engine_->unlock_owner(Scope::user, "u", "", {});
  ASSERT_TRUE(unlocked);
  EXPECT_EQ(engine_.state("k"), KeyState::locked) << "an allow never precedes the disk";
  EXPECT_EQ(decision_of("k").as_of.sequence, unlocked->sequence - 1)
      << "a reader that knows of the unlocking must not cache the answer";
  disk_->unblock();
  EXPECT_TRUE(eventually([&] { return engine_.state("k") == KeyState::active; }));
}

TEST_F(Locks, P2AbsorbingAnUnlockingThatIsLostWithTheMachineWasNone) {
  create("k", {"u", "", ""});
  lock(Scope::user, "u");
  engine_.sync();
  hold_the_disk();
  ASSERT_TRUE(engine_->unlock_owner(Scope::user, "u", "", {}));
  disk_->fail_commit(1);
  disk_->unblock();
  engine_.stop();
  disk_->repair();
  engine_.start();
  EXPECT_EQ(engine_.state("k"), KeyState::locked);
}

TEST_F(Locks, ALockBehindAPendingUnlockingStands) {
  create("k", {"u", "", ""});
  lock(Scope::user, "u");
  engine_.sync();
  hold_the_disk();
  const auto unlocked = engine_->unlock_owner(Scope::user, "u", "", {});
  ASSERT_EQ(engine_->unlock_owner(Scope::user, "u", "", {})->sequence, unlocked->sequence) << "once";
  lock(Scope::user, "u");
  EXPECT_EQ(decision_of("k").as_of.sequence, unlocked->sequence + 1);
  disk_->unblock();
  engine_.sync();
  EXPECT_EQ(engine_.state("k"), KeyState::locked);
  engine_.restart();
  EXPECT_EQ(engine_.state("k"), KeyState::locked);
}

TEST_F(Locks, OfACallerOfOneWorkspaceAreOfTheKeysThereAlone) {
  const auto of_w1 = of_workspaces({"w1"});
  create("here", {"u", "", "w1"});
  create("there", {"u", "", "w2"});
  const auto before = engine_->applied();
  lock(Scope::user, "u", caller_of(of_w1));
  EXPECT_EQ(engine_->applied(), before + 1) << "one event, with the limit in it";
  EXPECT_EQ(engine_.state("here"), KeyState::locked);
  EXPECT_EQ(engine_.state("there"), KeyState::active);
  create("later", {"u", "a", "w1"});
  EXPECT_EQ(engine_.state("later"), KeyState::locked);
  engine_.restart();
  EXPECT_EQ(engine_.state("later"), KeyState::locked);
  EXPECT_EQ(engine_.state("there"), KeyState::active);
  unlock(Scope::user, "u", caller_of(of_w1));
  EXPECT_EQ(engine_.state("here"), KeyState::active);
  EXPECT_EQ(engine_->lock_owner(Scope::workspace, "w2", 0, "", caller_of(of_w1)).error(), errc::out_of_reach);
  EXPECT_EQ(engine_->unlock_owner(Scope::workspace, "w2", "", caller_of(of_w1)).error(), errc::out_of_reach);
}

TEST_F(Locks, OfAWiderCallerAreLiftedByOneAsWide) {
  const auto narrow = of_workspaces({"w1"});
  const auto wide = of_workspaces({"w1", "w2"});
  create("k", {"u", "", "w1"});
  lock(Scope::user, "u");
  EXPECT_EQ(engine_->unlock_owner(Scope::user, "u", "", caller_of(narrow)).error(), errc::locked_by_wider);
  unlock(Scope::user, "u");
  lock(Scope::user, "u", caller_of(wide));
  EXPECT_EQ(engine_->unlock_owner(Scope::user, "u", "", caller_of(narrow)).error(), errc::locked_by_wider);
  lock(Scope::workspace, "w1");
  engine_.sync();
  engine_.restart();
  EXPECT_EQ(engine_->unlock_owner(Scope::user, "u", "", caller_of(narrow)).error(), errc::locked_by_wider);
  EXPECT_EQ(engine_->unlock_owner(Scope::workspace, "w1", "", caller_of(narrow)).error(),
            errc::locked_by_wider);
  unlock(Scope::workspace, "w1");
  EXPECT_EQ(engine_.state("k"), KeyState::locked) << "still with its user";
  unlock(Scope::user, "u", caller_of(wide));
  EXPECT_EQ(engine_.state("k"), KeyState::active);
}

TEST_F(Locks, OfANarrowerCallerAreLiftedWithTheOwnersOwn) {
  const auto of_w1 = of_workspaces({"w1"});
  create("k", {"u", "", "w1"});
  lock(Scope::user, "u", caller_of(of_w1));
  lock(Scope::user, "u");
  const auto before = engine_->applied();
  unlock(Scope::workspace, "w1");
  EXPECT_EQ(engine_->applied(), before) << "the workspace is not locked, its user is";
  unlock(Scope::user, "u");
  EXPECT_EQ(engine_->applied(), before + 1);
  EXPECT_EQ(engine_.state("k"), KeyState::active);
  engine_.restart();
  EXPECT_EQ(engine_.state("k"), KeyState::active);
}

// A start may read an event from the journal that is already in the tables.
TEST_F(Locks, AreAsBeforeHoweverOftenTheirEventsAreRead) {
  const auto of_a = limited_to({{{}, {"a"}, {}}});
  const auto of_w = of_workspaces({"w"});
  create("k", {"", "a", "w"});
  lock(Scope::workspace, "w", caller_of(of_a));
  lock(Scope::application, "a");
  unlock(Scope::application, "a");
  lock(Scope::application, "a", caller_of(of_w));
  engine_.restart();
  EXPECT_EQ(engine_.state("k"), KeyState::locked);
  unlock(Scope::workspace, "w");
  EXPECT_EQ(engine_.state("k"), KeyState::active) << "the lock of the workspace, within the application";
}

TEST_F(Locks, P13FairALimitedCallerLocksSoManyOwnersWithoutKeys) {
  const auto of_w1 = of_workspaces({"w1"});
  create("k", {"known", "", "w1"});
  create("elsewhere", {"known-elsewhere", "", "w2"});
  for (std::size_t i = 0; i < Tables::max_bare_locks_an_owner; ++i)
    lock(Scope::user, "u" + std::to_string(i), caller_of(of_w1));
  const auto refused = [&](std::string_view user, const Principal& by) {
    const auto locked = engine_->lock_owner(Scope::user, user, 0, "", caller_of(by));
    return !locked && locked.error() == errc::too_many_locks;
  };
  EXPECT_TRUE(refused("one-more", of_w1));
  EXPECT_TRUE(refused("known-elsewhere", of_w1));
  EXPECT_FALSE(refused("known", of_w1)) << "has a key in w1";
  EXPECT_FALSE(refused("u7", of_w1)) << "is already locked";
  unlock(Scope::user, "u7", caller_of(of_w1));
  EXPECT_FALSE(refused("u7", of_w1)) << "and again";
  EXPECT_FALSE(refused("one-more", of_workspaces({"w2"}))) << "others have their own limit";
  EXPECT_FALSE(refused("one-more", Principal{}));
  engine_.sync();
  engine_.restart();
  EXPECT_TRUE(refused("yet-one-more", of_w1));
}

TEST_F(Locks, AreFoundInTheAuditTrailOfTheUser) {
  create("k", {"u", "", "w1"});
  ASSERT_TRUE(engine_->lock_owner(Scope::user, "u", 0, "abuse", {}));
  unlock(Scope::user, "u");
  const auto of_w1 = of_workspaces({"w1"});
  const auto of_w2 = of_workspaces({"w2"});
  const auto types = [&](const Reach* reach) {
    AuditQuery query;
    query.user = "u";
    query.reach = reach;
    std::vector<EventType> found;
    EXPECT_TRUE(
        engine_->audit(query, [&](Sequence, const EventView& event) { found.push_back(event.type); }));
    return found;
  };
  const std::vector all{EventType::key_created, EventType::owner_locked, EventType::owner_unlocked};
  EXPECT_EQ(types(nullptr), all);
  EXPECT_EQ(types(&of_w1.reach), all) << "all keys of the user are within reach";
  EXPECT_EQ(types(&of_w2.reach), std::vector<EventType>{});
  ASSERT_TRUE(engine_->lock_owner(Scope::user, "stranger", 0, "", {}));
  engine_.sync();
  AuditQuery everything;
  everything.reach = &of_w2.reach;
  EXPECT_TRUE(engine_->audit(everything, [](Sequence, const EventView&) { FAIL() << "no keys"; }));
}

TEST_F(Locks, ACheckpointWaitsForAnUnlockingThatIsUnderWay) {
  Tables tables;
  Resumptions resumptions(tables);
  tables.lock_owners(1, Scope::user, {"u", "", ""}, OwnerLocks::forever, 0);
  resumptions.lift(7, 0);
  EXPECT_TRUE(resumptions.are_applied(6));
  EXPECT_FALSE(resumptions.are_applied(7));
  resumptions.on_durable(7);
  EXPECT_TRUE(resumptions.are_applied(7));
}

}  // namespace revoked::engine::engine_locks_test
