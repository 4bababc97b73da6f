#include <gtest/gtest.h>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::list_test {

using revoked::test::eventually;
using revoked::test::TemporaryDirectory;
using test::FakeDisk;
using test::Harness;

std::vector<std::string> ids(const KeyPage& page) {
  std::vector<std::string> found;
  for (const auto& key : page.keys) found.push_back(key.decision.key_id);
  return found;
}

TEST(ListKeys, ComeInTheOrderOfTheirCreation) {
  const TemporaryDirectory directory;
  Harness harness(directory / "data");
  for (const auto* id : {"b", "c", "a", "a-"}) ASSERT_TRUE(harness.create(id));
  ASSERT_TRUE(harness->revoke("a", "", {}));
  ASSERT_TRUE(harness->revoke("b", "", {}));
  ASSERT_TRUE(harness->rotate("c", test::digest_of("c2"), 0, {}));  // its place in the list does not change
  harness.sync();
  KeyQuery query;
  query.limit = 2;
  const auto first = harness->list(query, 1);
  ASSERT_TRUE(first);
  EXPECT_EQ(ids(*first), (std::vector<std::string>{"b", "c"}));
  EXPECT_TRUE(first->more);
  EXPECT_EQ(first->keys[0].decision.state, KeyState::revoked);
  EXPECT_EQ(first->keys[1].decision.state, KeyState::active);
  query.after = first->last;
  query.limit = 3;
  const auto last = harness->list(query, 1);
  EXPECT_EQ(ids(*last), (std::vector<std::string>{"a", "a-"}));
  EXPECT_FALSE(last->more);
}

TEST(ListKeys, LeavesOutWhatIsNotDurableYet) {
  const auto disk = std::make_shared<FakeDisk>();
  disk->visible_before_synced = true;
  Harness harness(disk);
  ASSERT_TRUE(harness.create("a"));
  harness.sync();
  disk->block();
  ASSERT_TRUE(harness.create("b"));
  disk->wait_until_blocked();
  EXPECT_EQ(ids(harness->list({}, 1).value()), (std::vector<std::string>{"a"}));
  disk->unblock();
  harness.sync();
  EXPECT_EQ(ids(harness->list({}, 1).value()), (std::vector<std::string>{"a", "b"}));
}

constexpr int many = static_cast<int>(Engine::max_listing_look_at) + 10;

// Keys of bob, and a last one of ann.
void create_many_of_bob(Harness& harness) {
  for (int i = 0; i < many; ++i) {
    char id[16];
    std::snprintf(id, sizeof id, "k%08d", i);
    const bool is_last = i + 1 == many;
    ASSERT_TRUE(harness.create(id, {is_last ? "ann" : "bob", "", ""}));
  }
  harness.sync();
}

TEST(ListKeys, LooksAtABoundedNumberAndGoesOnFromThere) {
  Harness harness(std::make_shared<FakeDisk>());
  create_many_of_bob(harness);
  KeyQuery query;
  query.state = KeyState::revoked;
  const auto first = harness->list(query, 1);
  EXPECT_TRUE(first->keys.empty());
  ASSERT_TRUE(first->more);
  KeyQuery rest;
  rest.after = first->last;
  ASSERT_TRUE(harness->revoke(ids(harness->list(rest, 1).value()).back(), "", {}));
  query.after = first->last;
  const auto second = harness->list(query, 1);
  EXPECT_EQ(second->keys.size(), 1u);
  EXPECT_FALSE(second->more);
}

// A caller that lists few keys, or reaches only its own, must not pay for all keys.
TEST(ListKeys, OfAUserAreFoundWithoutALookAtAllKeys) {
  Harness harness(std::make_shared<FakeDisk>());
  create_many_of_bob(harness);
  Reach reach;
  reach.limits[static_cast<std::size_t>(Scope::user)] = {"ann"};
  std::vector<KeyQuery> queries(2);
  queries[0].owners[0] = "ann";
  queries[1].reach = &reach;
  for (const auto& query : queries) {
    const auto page = harness->list(query, 1);
    ASSERT_TRUE(page);
    EXPECT_EQ(page->keys.size(), 1u);
    EXPECT_FALSE(page->more);
  }
}

// In pages and each exactly once, indexed or not, and in any state; other events of the user, and revocations
// of the owner, do not matter.
TEST(ListKeys, OfAUserComeInTheOrderOfTheirCreation) {
  const auto disk = std::make_shared<FakeDisk>();
  disk->is_indexed_at_once = false;
  std::vector<std::string> expected;
  {
    Harness harness(disk);
    for (int i = 0; i < 60; ++i) {
      const auto id = (i % 2 == 0 ? "z" : "a") + std::to_string(i);
      const bool is_anns = i % 3 == 0;
      ASSERT_TRUE(harness.create(id, {is_anns ? "ann" : "bob", "", i % 4 == 0 ? "w" : ""}));
      if (is_anns && i % 4 == 0) expected.push_back(id);
      if (i == 30) {
        ASSERT_TRUE(harness->revoke_owner(Scope::user, "ann", "", {}));
      }
    }
    ASSERT_TRUE(harness->rotate("z36", test::digest_of("another"), 0, {}));
    harness.sync();
  }
  for (const bool is_indexed : {false, true}) {
    Harness harness(disk);
    if (is_indexed) {
      ASSERT_TRUE(harness.store().wait_for_index());
    }
    KeyQuery query;
    query.owners = {"ann", "", "w"};
    query.limit = 2;
    std::vector<std::string> found;
    for (bool more = true; more;) {
      const auto page = harness->list(query, 1);
      ASSERT_TRUE(page);
      EXPECT_LE(page->keys.size(), query.limit);
      for (const auto& id : ids(*page)) found.push_back(id);
      more = page->more;
      query.after = page->last;
    }
    EXPECT_EQ(found, expected);
  }
}

TEST(ListKeys, OfAUserRefuseTheCursorOfAnotherList) {
  Harness harness(std::make_shared<FakeDisk>());
  ASSERT_TRUE(harness.create("a", {"ann", "", ""}));
  harness.sync();
  KeyQuery query;
  query.owners[0] = "ann";
  query.after = "a-key";
  EXPECT_EQ(harness->list(query, 1).error(), errc::invalid_field);
}

TEST(RevokeMany, SaysOfEachWhatBecameOfIt) {
  Harness harness(std::make_shared<FakeDisk>());
  for (const auto* id : {"a", "b", "c"}) ASSERT_TRUE(harness.create(id, {"", "", "w"}));
  ASSERT_TRUE(harness.create("foreign", {"", "", "x"}));
  Reach reach;
  reach.limits[static_cast<std::size_t>(Scope::workspace)] = {"w"};
  Caller caller;
  caller.reach = &reach;
  std::vector<AskedRevocation> asked{{"a", {}, ""},      {"", test::digest_of("b"), ""},
                                     {"a", {}, ""},      {"foreign", {}, ""},
                                     {"nobody", {}, ""}, {"c", {}, std::string_view{}}};
  const std::string long_reason(max_reason_size + 1, 'x');
  asked.back().reason = long_reason;
  const auto before = harness->applied();
  using Outcome = RevokedMany::Outcome;
  const std::vector<Outcome> expected{Outcome::revoked,   Outcome::revoked,   Outcome::already_revoked,
                                      Outcome::not_found, Outcome::not_found, Outcome::invalid};
  const auto ended = harness->revoke_many(asked, false, caller);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->last, before + 2);
  EXPECT_EQ(ended->outcomes, expected);
  harness.sync();
  EXPECT_EQ(harness.state("foreign"), KeyState::active);
}

}  // namespace revoked::engine::list_test
