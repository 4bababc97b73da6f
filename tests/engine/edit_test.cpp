// Edits of a key's record: when they take effect, and what is recovered at a start.

#include <gtest/gtest.h>

#include "engine/recovery.hpp"
#include "engine/tables/checkpoint.hpp"
#include "tests/engine/engine_fixtures.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::edit_test {

using revoked::test::eventually;
using revoked::test::TemporaryDirectory;
using test::digest_of;
using test::FakeDisk;
using test::Harness;
using test::StartFrom;

constexpr UnixMs an_hour_ms = 3'600'000;

KeyEdit permissions(std::string_view list) {
  KeyEdit edit;
  edit.permissions = list;
  return edit;
}
KeyEdit expiry(UnixMs at) {
  KeyEdit edit;
  edit.expires_at = at;
  return edit;
}
KeyEdit name(std::string_view text) {
  KeyEdit edit;
  edit.name = text;
  return edit;
}

NewKey key_with(std::string_view id, std::string_view list, UnixMs expires_at = 0) {
  NewKey key;
  key.key_id = id;
  key.digest = digest_of(id);
  key.name = "first";
  key.owners = {"ann", "", ""};
  key.permissions = list;
  key.expires_at = expires_at;
  return key;
}

Decision decide(Harness& engine, std::string_view secret, UnixMs now = now_unix_ms()) {
  Decision decision;
  EXPECT_TRUE(engine->verify(digest_of(secret), now, decision));
  return decision;
}

class Edit : public test::RestartFixture {
 protected:
  KeyDescription described(std::string_view id) {
    const auto found = engine_->describe(id, now_unix_ms());
    EXPECT_TRUE(found);
    return found ? *found : KeyDescription();
  }
};

INSTANTIATE_TEST_SUITE_P(Starts, Edit, testing::Values(StartFrom::journal, StartFrom::checkpoint),
                         test::name_of_start);

TEST_P(Edit, SetsWhatItNamesAndLeavesTheRest) {
  engine_->create(key_with("k", "a b"), {}).value();
  engine_->create(key_with("other", "a b"), {}).value();
  const auto end = now_unix_ms() + an_hour_ms;
  ASSERT_TRUE(engine_->edit("k", name("second"), {}));
  ASSERT_TRUE(engine_->edit("k", permissions("c a"), {}));
  ASSERT_TRUE(engine_->edit("k", expiry(end), {}));
  KeyEdit last;
  last.metadata = R"({"team":"blue"})";
  last.name = "third";
  ASSERT_TRUE(engine_->edit("k", last, {}));
  engine_.now_and_later([&] {
    const auto key = described("k");
    EXPECT_EQ(key.name, "third");
    EXPECT_EQ(key.metadata, R"({"team":"blue"})");
    EXPECT_EQ(key.decision.permissions, "a c");
    EXPECT_EQ(key.expires_at, end);
    EXPECT_EQ(decide(engine_, "k").permissions, "a c");
    EXPECT_EQ(engine_.state("k", end), KeyState::expired);
    EXPECT_EQ(described("other").name, "first");
    for (const auto* user : {"", "ann"}) {
      KeyQuery query;
      query.owners[0] = user;
      const auto page = engine_->list(query, now_unix_ms());
      ASSERT_TRUE(page);
      ASSERT_EQ(page->keys.size(), 2u);
      EXPECT_EQ(page->keys[0].name, "third");
      EXPECT_EQ(page->keys[0].expires_at, end);
      EXPECT_EQ(page->keys[1].name, "first");
    }
  });
  KeyEdit none;
  none.name = none.metadata = none.permissions = "";
  none.expires_at = 0;
  ASSERT_TRUE(engine_->edit("k", none, {}));
  engine_.now_and_later([&] {
    const auto key = described("k");
    EXPECT_EQ(key.name + key.metadata + std::string(key.decision.permissions), "");
    EXPECT_EQ(key.expires_at, 0);
    EXPECT_EQ(engine_.state("k", end), KeyState::active);
  });
}

TEST_P(Edit, AllSecretsOfAKeyFollowIt) {
  engine_->create(key_with("k", "a b"), {}).value();
  ASSERT_TRUE(engine_->edit("k", permissions("a b c"), {}));
  engine_.sync();
  ASSERT_TRUE(engine_->rotate("k", digest_of("new"), 2 * an_hour_ms, {}));
  ASSERT_TRUE(engine_->edit("k", permissions("a"), {}));
  const auto sooner = now_unix_ms() + an_hour_ms;
  ASSERT_TRUE(engine_->edit("k", expiry(sooner), {}));
  ASSERT_TRUE(engine_->edit("k", expiry(sooner + 5 * an_hour_ms), {}));
  engine_.now_and_later([&] {
    EXPECT_EQ(decide(engine_, "k").permissions, "a");
    EXPECT_EQ(decide(engine_, "new").permissions, "a");
    EXPECT_EQ(engine_.state("k", sooner), KeyState::expired) << "an ended secret stays ended";
    EXPECT_EQ(engine_.state("new", sooner), KeyState::active);
    const auto key = described("k");
    ASSERT_EQ(key.secrets.size(), 2u);
    EXPECT_EQ(key.secrets[0].ends_at, sooner + 5 * an_hour_ms);
    EXPECT_EQ(key.secrets[1].ends_at, sooner);
  });
}

TEST_P(Edit, AnEditBeforeARotationIsNotAppliedToItAgain) {
  engine_->create(key_with("k", "a b"), {}).value();
  const auto sooner = now_unix_ms() + an_hour_ms;
  ASSERT_TRUE(engine_->edit("k", expiry(sooner), {}));
  ASSERT_TRUE(engine_->edit("k", expiry(0), {}));
  engine_.sync();
  ASSERT_TRUE(engine_->rotate("k", digest_of("new"), 3 * an_hour_ms, {}));
  engine_.now_and_later([&] {
    EXPECT_EQ(engine_.state("k", sooner), KeyState::active);
    EXPECT_EQ(engine_.state("k", sooner + 3 * an_hour_ms), KeyState::expired);
    EXPECT_EQ(engine_.state("new", sooner + 3 * an_hour_ms), KeyState::active);
  });
}

TEST_P(Edit, P2AbsorbingLeavesARevokedKeyAsItIs) {
  engine_->create(key_with("k", "a"), {}).value();
  ASSERT_TRUE(engine_->edit("k", name("second"), {}));
  ASSERT_TRUE(engine_->revoke("k", "leaked", {}));
  const auto before = engine_->applied();
  EXPECT_EQ(engine_->edit("k", expiry(0), {}).error(), errc::already_revoked);
  EXPECT_EQ(engine_->edit("absent", expiry(0), {}).error(), errc::not_found);
  EXPECT_EQ(engine_->applied(), before);
  engine_.now_and_later([&] {
    EXPECT_EQ(engine_.state("k"), KeyState::revoked);
    EXPECT_EQ(described("k").name, "second");
  });
}

TEST_P(Edit, AnExpiredKeyMayBeGivenALaterEnd) {
  engine_->create(key_with("k", "a", 1000), {}).value();
  engine_.sync();
  EXPECT_EQ(engine_.state("k", now_unix_ms()), KeyState::expired);
  ASSERT_TRUE(engine_->edit("k", expiry(now_unix_ms() + an_hour_ms), {}));
  engine_.now_and_later([&] { EXPECT_EQ(engine_.state("k", now_unix_ms()), KeyState::active); });
}

TEST_P(Edit, SettingWhatIsThereChangesNothing) {
  engine_->create(key_with("k", "a b", 5000), {}).value();
  const auto before = engine_->applied();
  KeyEdit same = permissions("b a b");
  same.expires_at = 5000;
  EXPECT_EQ(engine_->edit("k", same, {})->sequence, before);
  EXPECT_EQ(engine_->applied(), before);
}

class EditHeld : public test::FakeDiskFixture {
 protected:
  void hold_the_disk() {
    engine_.sync();
    FakeDiskFixture::hold_the_disk();
  }
};

TEST_F(EditHeld, P2AbsorbingWhatGivesWaitsForTheDiskAndWhatTakesDoesNot) {
  engine_->create(key_with("gains", "a", 5000), {}).value();
  engine_->create(key_with("loses", "a b"), {}).value();
  hold_the_disk();
  KeyEdit more = permissions("a b");
  more.expires_at = 0;
  ASSERT_TRUE(engine_->edit("gains", more, {}));
  ASSERT_TRUE(engine_->edit("loses", permissions("a"), {}));
  EXPECT_EQ(engine_.state("gains", 5000), KeyState::expired) << "an allow never precedes the disk";
  EXPECT_EQ(decide(engine_, "gains", 1).permissions, "a");
  EXPECT_EQ(decide(engine_, "loses", 1).permissions, "a");
  disk_->unblock();
  EXPECT_TRUE(eventually([&] { return engine_.state("gains", 5000) == KeyState::active; }));
  EXPECT_EQ(decide(engine_, "gains", 1).permissions, "a b");
}

// A gateway that was notified of the edit must not cache the decision from before it.
TEST_F(EditHeld, NoDecisionHoldsForAnEditThatIsNotInIt) {
  engine_->create(key_with("k", "a"), {}).value();
  engine_->create(key_with("other", "a"), {}).value();
  hold_the_disk();
  const auto first = engine_->edit("k", permissions("b"), {})->sequence;
  const auto second = engine_->edit("k", permissions("b c"), {})->sequence;
  const auto applied = engine_->applied();
  EXPECT_EQ(applied, second);
  EXPECT_EQ(decide(engine_, "k").permissions, "a");
  EXPECT_EQ(decide(engine_, "k").as_of.sequence, first - 1);
  EXPECT_EQ(decide(engine_, "other").as_of.sequence, applied);
  disk_->unblock();
  EXPECT_TRUE(eventually([&] { return decide(engine_, "k").permissions == "b c"; }));
  EXPECT_TRUE(eventually([&] { return decide(engine_, "k").as_of.sequence == applied; }));
}

TEST_F(EditHeld, OnesBehindAPendingOneKeepTheirOrder) {
  engine_->create(key_with("k", "a"), {}).value();
  hold_the_disk();
  ASSERT_TRUE(engine_->edit("k", permissions("a b"), {}));
  ASSERT_TRUE(engine_->edit("k", permissions("a"), {}));
  ASSERT_TRUE(engine_->edit("k", expiry(5000), {}));
  disk_->unblock();
  engine_.sync();
  EXPECT_TRUE(eventually([&] { return engine_.state("k", 5000) == KeyState::expired; }));
  EXPECT_EQ(decide(engine_, "k", 1).permissions, "a");
}

TEST_F(EditHeld, ARotationWaitsForAnEditThatGives) {
  engine_->create(key_with("k", "a"), {}).value();
  hold_the_disk();
  ASSERT_TRUE(engine_->edit("k", permissions("a b"), {}));
  EXPECT_EQ(engine_->rotate("k", digest_of("new"), 0, {}).error(), errc::overloaded);
  disk_->unblock();
  EXPECT_TRUE(eventually([&] { return bool(engine_->rotate("k", digest_of("new"), 0, {})); }));
  engine_.sync();
  EXPECT_EQ(decide(engine_, "new").permissions, "a b");
}

TEST_F(EditHeld, P2AbsorbingAPendingEditBringsNoRevokedKeyBack) {
  engine_->create(key_with("k", "a", 5000), {}).value();
  hold_the_disk();
  ASSERT_TRUE(engine_->edit("k", expiry(0), {}));
  ASSERT_TRUE(engine_->revoke("k", "", {}));
  disk_->unblock();
  engine_.sync();
  EXPECT_EQ(engine_.state("k", 1), KeyState::revoked);
  engine_.restart();
  EXPECT_EQ(engine_.state("k", 1), KeyState::revoked);
}

// The editing caller must also hold what the key will have after pending edits.
TEST_F(EditHeld, WhoEditsHoldsWhatIsPending) {
  engine_->create(key_with("k", "keys:write"), {}).value();
  Principal principal{false, "keys:write", {}, "k1", ActorKind::key};
  const Caller caller{"k1", {}, {}, &principal.reach, ActorKind::key, &principal};
  EXPECT_TRUE(engine_->edit("k", name("x"), caller));
  hold_the_disk();
  ASSERT_TRUE(engine_->edit("k", permissions("keys:write keys:read"), {}));
  EXPECT_EQ(engine_->edit("k", permissions("keys:write"), caller).error(), errc::forbidden);
}

// The checkpoint may copy data newer than its cut.
TEST(EditCheckpoint, APermissionSetFromAfterTheCutIsThere) {
  const TemporaryDirectory directory;
  const auto disk = std::make_shared<FakeDisk>();
  Harness engine(disk);
  engine->create(key_with("k", "a"), {}).value();
  engine.sync();
  Tables tables;
  test::FakeStore store(disk);
  std::string detail;
  const auto recovered = recover(
      store, {}, tables, [](const LoadProgress&) {}, detail);
  ASSERT_TRUE(recovered) << detail;
  const auto cut = cut_tables(tables, store.last());
  EventView event;
  event.type = EventType::key_changed;
  const std::string members(1, static_cast<char>(Field::permissions));
  event[Field::edited] = members;
  event[Field::permissions] = "new set";
  const Slot slot = tables.keys.find_by_id("k");
  tables.edit_key(slot, tables.edited(slot, tables.terms_of(slot), event));
  const auto file = directory / "tables";
  const auto wait_for_newest = [&]() -> result<Sequence> { return cut.sequence; };
  const auto digest_of = [&](Sequence sequence) { return digest_of_batch(store, sequence); };
  const auto made = write_checkpoint(file, tables, cut,
                                     {recovered->epochs, [] { return true; }, wait_for_newest, digest_of});
  ASSERT_TRUE(made);
  Tables again;
  std::vector<EpochStart> epochs;
  ASSERT_TRUE(read_checkpoint(
      file, [](const CheckpointMark&) { return true; }, again, epochs));
  EXPECT_EQ(epochs, recovered->epochs);
  Decision decision;
  again.describe(again.keys.find_by_id("k"), decision);
  EXPECT_EQ(decision.permissions, "new set");
}

}  // namespace revoked::engine::edit_test
