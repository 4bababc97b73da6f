#include <gtest/gtest.h>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::audit_test {

using revoked::test::eventually;
using revoked::test::TemporaryDirectory;
using test::FakeDisk;
using test::Harness;

// The sequences of all matching entries, over all pages.
std::vector<Sequence> all(const Engine& engine, AuditQuery query) {
  std::vector<Sequence> found;
  for (bool more = true; more;) {
    const auto page =
        engine.audit(query, [&](Sequence sequence, const EventView&) { found.push_back(sequence); });
    EXPECT_TRUE(page);
    if (!page) break;
    more = page->more;
    EXPECT_TRUE(!more || page->position > query.after);
    query.after = page->position;
  }
  return found;
}

void revoke_as(Harness& harness, const std::string& id, std::string_view actor) {
  Caller caller;
  caller.actor = actor;
  ASSERT_TRUE(harness->revoke(id, "", caller));
}

TEST(Audit, FindsTheSameWhetherItIsIndexedOrNot) {
  const auto disk = std::make_shared<FakeDisk>();
  disk->is_indexed_at_once = false;
  Harness harness(disk);
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(harness.create("k" + std::to_string(i), {i % 3 == 0 ? "ann" : "bob", "", ""}));
    if (i % 50 == 0) harness.sync();
  }
  for (int i = 0; i < 300; i += 2) revoke_as(harness, "k" + std::to_string(i), i % 4 == 0 ? "x" : "y");
  ASSERT_TRUE(harness->revoke_owner(Scope::user, "ann", "", {}));
  harness.sync();
  const auto questions = [&] {
    std::vector<std::vector<Sequence>> answers;
    for (const auto& [key_id, actor, user] : std::vector<std::array<std::string, 3>>{{"k4", "", ""},
                                                                                     {"", "x", ""},
                                                                                     {"", "", "ann"},
                                                                                     {"", "y", "bob"},
                                                                                     {"", "", ""},
                                                                                     {"k1", "", "bob"},
                                                                                     {"no", "", ""}}) {
      for (const std::size_t limit : {std::size_t{7}, std::size_t{1000}}) {
        answers.push_back(all(harness.engine(), {key_id, actor, user, 0, limit, nullptr}));
      }
    }
    return answers;
  };
  const auto unindexed = questions();
  EXPECT_EQ(unindexed[0].size(), 2u);
  EXPECT_EQ(unindexed[2].size(), 75u);
  EXPECT_EQ(unindexed[4].size(), 100u + 50u + 1u);
  EXPECT_EQ(unindexed[8].size(), 451u);
  EXPECT_EQ(unindexed[4], unindexed[5]);

  ASSERT_TRUE(harness.store().wait_for_index());
  EXPECT_GE(harness.store().indexed_to(), 451u);
  EXPECT_EQ(questions(), unindexed);
  revoke_as(harness, "k1", "x");  // one after what is indexed
  harness.sync();
  EXPECT_EQ(questions()[2].size(), 76u);
}

// The index has one entry for consecutive events in a batch.
TEST(Audit, APageThatEndsWithinABatchGoesOnInIt) {
  const auto disk = std::make_shared<FakeDisk>();
  Harness harness(disk);
  std::vector<std::string> ids;
  for (int i = 0; i < 200; ++i) ids.push_back("k" + std::to_string(i));
  std::vector<NewKey> keys(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    keys[i].key_id = ids[i];
    keys[i].digest = test::digest_of(ids[i]);
    keys[i].owners = {"ann", "", ""};
  }
  Caller caller;
  caller.actor = "x";
  const auto created = harness->create_many(keys, caller);
  ASSERT_TRUE(created);
  harness.sync();
  ASSERT_TRUE(harness.store().wait_for_index());
  std::vector<Sequence> expected(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) expected[i] = created->last - ids.size() + 1 + i;
  for (const std::size_t limit : {1, 7, 199, 200}) {
    EXPECT_EQ(all(harness.engine(), {"", "x", "", 0, limit, nullptr}), expected) << limit;
    EXPECT_EQ(all(harness.engine(), {"", "", "ann", 0, limit, nullptr}), expected) << limit;
  }
}

TEST(Audit, FindsTheRevocationOfAnOwnerByTheOwnerAndByEachKeyThatItTook) {
  for (const bool indexed : {false, true}) {
    const auto disk = std::make_shared<FakeDisk>();
    disk->is_indexed_at_once = indexed;
    Harness harness(disk);
    for (const auto* id : {"taken", "revoked-before"}) {
      ASSERT_TRUE(harness.create(id, {"ann", "shop", "acme"}));
    }
    ASSERT_TRUE(harness.create("of-another", {"bob", "shop", "other"}));
    revoke_as(harness, "revoked-before", "x");
    Caller caller;
    caller.actor = "y";
    const auto by = harness->revoke_owner(Scope::workspace, "acme", "closed", caller)->sequence;
    ASSERT_TRUE(harness.create("later", {"ann", "shop", "acme"}));
    const auto of_user = harness->revoke_owner(Scope::user, "ann", "left", {})->sequence;
    harness.sync();
    const auto of_key = [&](const char* id, const char* actor = "") {
      return all(harness.engine(), {id, actor, "", 0, 1, nullptr});
    };
    EXPECT_EQ(of_key("taken").size(), 2u);
    EXPECT_EQ(of_key("taken").back(), by);
    EXPECT_EQ(of_key("taken", "y"), std::vector{by});
    EXPECT_TRUE(of_key("taken", "x").empty());
    EXPECT_EQ(of_key("revoked-before").size(), 2u) << "its own";
    EXPECT_EQ(of_key("later").back(), of_user);
    EXPECT_EQ(of_key("of-another").size(), 1u);
    EXPECT_EQ(all(harness.engine(), {"", "", "ann", 0, 100, nullptr}).back(), of_user);
    EXPECT_EQ(all(harness.engine(), {"", "y", "", 0, 100, nullptr}), std::vector{by});
  }
}

TEST(Audit, LooksAtABoundedNumberAndGoesOnFromThere) {
  const auto disk = std::make_shared<FakeDisk>();
  disk->is_indexed_at_once = false;
  Harness harness(disk);
  const auto count = Engine::max_audit_look_at + 20'000;
  for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(harness.create("k" + std::to_string(i)));
  harness.sync();
  AuditQuery query;
  query.key_id = "k" + std::to_string(count - 1);
  int found = 0;
  const auto first = harness->audit(query, [&](Sequence, const EventView&) { ++found; });
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->more);
  EXPECT_EQ(found, 0);
  EXPECT_EQ(all(harness.engine(), query).size(), 1u);
}

// Neither entries nor page boundaries may reveal what others do.
TEST(Audit, AnswersALimitedCallerAlikeWhetherAStrangerIsThereOrNot) {
  Harness harness(std::make_shared<FakeDisk>());
  ASSERT_TRUE(harness.create("ours", {"ann", "", "acme"}));
  for (int i = 0; i < 6'000; ++i) {  // more entries than one page follows
    ASSERT_TRUE(harness.create("k" + std::to_string(i), {"bob", "", "other"}));
    revoke_as(harness, "k" + std::to_string(i), "busy");
  }
  harness.sync();
  Reach reach;
  reach.limits[static_cast<std::size_t>(Scope::workspace)] = {"acme"};
  const auto page_of = [&](const char* key_id, const char* actor, const char* user) {
    int found = 0;
    const auto page =
        harness->audit({key_id, actor, user, 0, 100, &reach}, [&](Sequence, const EventView&) { ++found; });
    return std::tuple(page->position, page->more, found);
  };
  EXPECT_EQ(page_of("", "busy", ""), page_of("", "nobody", ""));
  EXPECT_EQ(page_of("", "", "bob"), page_of("", "", "nobody"));
  EXPECT_EQ(page_of("", "busy", "bob"), page_of("", "nobody", "nobody"));
  EXPECT_EQ(page_of("k1", "", ""), page_of("none", "", ""));
  EXPECT_EQ(std::get<2>(page_of("", "", "ann")), 1);
}

TEST(Audit, RecordsStrangersRefusalsTogetherAndThoseOfKnownCallersEach) {
  Harness harness(std::make_shared<FakeDisk>());
  ASSERT_TRUE(harness.create("k"));
  for (int i = 0; i < 1000; ++i) harness->record_refusal("401 DELETE", "k", {});
  Caller known;
  known.actor = "known";
  known.actor_kind = ActorKind::key;
  for (int i = 0; i < 20; ++i) harness->record_refusal("403 DELETE", "k", known);
  harness->record_counted_refusals();  // not yet
  harness.sync();
  const auto recorded = all(harness.engine(), {"k", "", "", 0, 1000, nullptr}).size() - 1;
  EXPECT_GE(recorded, 21u);
  EXPECT_LE(recorded, 22u) << "strangers: one a minute";
  EXPECT_EQ(all(harness.engine(), {"k", "known", "", 0, 1000, nullptr}).size(), 20u);
  harness.restart();
  EXPECT_EQ(harness.state("k"), KeyState::active);
}

// The same name in another workspace is another user, but a revocation by name alone concerns both.
TEST(Audit, OfAKeyIsCompleteForWhoeverMaySeeTheKey) {
  Harness harness(std::make_shared<FakeDisk>());
  ASSERT_TRUE(harness.create("ours", {"ann", "", "acme"}));
  const auto by = harness->revoke_owner(Scope::user, "ann", "left", {})->sequence;
  harness.sync();
  Reach reach;
  reach.limits[static_cast<std::size_t>(Scope::workspace)] = {"acme"};
  const auto seen = [&](const char* key_id) {
    return all(harness.engine(), {key_id, "", "", 0, 100, &reach});
  };
  EXPECT_EQ(seen("ours").size(), 2u);
  ASSERT_TRUE(harness.create("theirs", {"ann", "", "other"}));
  harness.sync();
  ASSERT_EQ(seen("ours").size(), 2u);
  EXPECT_EQ(seen("ours").back(), by);
  EXPECT_TRUE(seen("theirs").empty());
}

// And no more: a tenant must not see earlier events of the name, or later ones of others' keys.
TEST(Audit, ShowsATenantWhatEndedItsKeysThoughOthersHaveKeysOfTheSameUser) {
  Harness harness(std::make_shared<FakeDisk>());
  ASSERT_TRUE(harness.create("ours", {"ann", "shop", "acme"}));
  const auto by = harness->revoke_owner(Scope::user, "ann", "left", {})->sequence;
  ASSERT_TRUE(harness.create("theirs", {"ann", "", "other"}));
  const auto again = harness->revoke_owner(Scope::user, "ann", "again", {})->sequence;
  ASSERT_TRUE(harness.create("third", {"ann", "", "third"}));
  harness.sync();
  const auto seen_by = [&](const char* workspace, const char* user) {
    Reach reach;
    reach.limits[static_cast<std::size_t>(Scope::workspace)] = {workspace};
    std::vector<Sequence> found;
    const auto page =
        harness->audit({"", "", user, 0, 100, &reach}, [&](Sequence sequence, const auto& event) {
          if (event.type == EventType::owner_revoked) found.push_back(sequence);
        });
    EXPECT_TRUE(page);
    return found;
  };
  for (const auto* user : {"", "ann"}) {
    EXPECT_EQ(seen_by("acme", user), std::vector{by});
    EXPECT_EQ(seen_by("other", user), std::vector{again});
    EXPECT_TRUE(seen_by("third", user).empty());
    EXPECT_TRUE(seen_by("nobody", user).empty());
  }
}

}  // namespace revoked::engine::audit_test
