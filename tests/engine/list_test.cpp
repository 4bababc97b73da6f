#include <gtest/gtest.h>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine {
namespace {

using revoked::test::TemporaryDirectory;
using test::FakeDisk;
using test::Harness;

std::vector<std::string> ids(const KeyPage& page) {
  std::vector<std::string> found;
  for (const auto& key : page.keys) found.push_back(key.decision.key_id);
  return found;
}

TEST(ListKeys, OverRocksdbIsNotConfusedByFoldedRevocations) {
  const TemporaryDirectory directory;
  Harness harness(directory / "data");
  for (const auto* id : {"a", "a-", "b", "c"}) ASSERT_TRUE(harness.create(id));
  ASSERT_TRUE(harness->revoke("a", "", {}));
  ASSERT_TRUE(harness->revoke("b", "", {}));
  harness.settle();
  test::fold_directly(harness.store(), harness->durable());
  KeyQuery query;
  query.limit = 2;
  const auto first = harness->list(query, 1);
  ASSERT_TRUE(first);
  EXPECT_EQ(ids(*first), (std::vector<std::string>{"a", "a-"}));
  EXPECT_TRUE(first->more);
  EXPECT_EQ(first->keys[0].decision.state, KeyState::revoked);
  query.after = "a";
  EXPECT_EQ(ids(harness->list(query, 1).value()), (std::vector<std::string>{"a-", "b"}));
  query.after = "b";
  const auto last = harness->list(query, 1);
  EXPECT_EQ(ids(*last), (std::vector<std::string>{"c"}));
  EXPECT_FALSE(last->more);
}

TEST(ListKeys, LeavesOutWhatIsNotDurableYet) {
  const auto disk = std::make_shared<FakeDisk>();
  disk->visible_before_synced = true;
  Harness harness(disk);
  ASSERT_TRUE(harness.create("a"));
  harness.settle();
  disk->block();
  ASSERT_TRUE(harness.create("b"));
  disk->wait_until_blocked();
  EXPECT_EQ(ids(harness->list({}, 1).value()), (std::vector<std::string>{"a"}));
  disk->unblock();
  harness.settle();
  EXPECT_EQ(ids(harness->list({}, 1).value()), (std::vector<std::string>{"a", "b"}));
}

TEST(ListKeys, LooksAtABoundedNumberAndGoesOnFromThere) {
  Harness harness(std::make_shared<FakeDisk>());
  const int count = static_cast<int>(Engine::max_listing_look_at) + 10;
  for (int i = 0; i < count; ++i) {
    char id[16];
    std::snprintf(id, sizeof id, "k%08d", i);
    ASSERT_TRUE(harness.create(id, {i + 1 == count ? "ann" : "bob", "", ""}));
  }
  harness.settle();
  KeyQuery query;
  query.owners[0] = "ann";
  const auto first = harness->list(query, 1);
  EXPECT_TRUE(first->keys.empty());
  ASSERT_TRUE(first->more);
  query.after = first->last;
  const auto second = harness->list(query, 1);
  EXPECT_EQ(second->keys.size(), 1u);
  EXPECT_FALSE(second->more);
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
  const auto many = harness->revoke_many(asked, false, caller);
  ASSERT_TRUE(many);
  EXPECT_EQ(many->last, before + 2);
  EXPECT_EQ(many->outcomes, expected);
  harness.settle();
  EXPECT_EQ(harness.state("foreign"), KeyState::active);
}

}  // namespace
}  // namespace revoked::engine
