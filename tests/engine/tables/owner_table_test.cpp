#include "engine/tables/owner_table.hpp"

#include <gtest/gtest.h>

#include "engine/model/permissions.hpp"
#include "engine/tables/permission_sets.hpp"

namespace revoked::engine::owner_table_test {

TEST(OwnerTable, FindsWhatWasAdded) {
  OwnerTable owners;
  for (int i = 0; i < 20'000; ++i) {
    const auto id = "owner@" + std::to_string(i) + (i % 2 ? ":a-long-tail-that-needs-the-arena" : "");
    EXPECT_EQ(owners.find(id), no_slot);
    const Slot slot = owners.find_or_add(id);
    ASSERT_EQ(owners.find_or_add(id), slot);
    ASSERT_EQ(owners.find(id), slot);
    std::string text;
    owners.append_id(slot, text);
    ASSERT_EQ(text, id);
  }
  EXPECT_EQ(owners.size(), 20'000u);
}

TEST(OwnerTable, CountsTheKeysThatARevocationHits) {
  OwnerTable owners;
  const Slot owner = owners.find_or_add("u1");
  EXPECT_FALSE(owners.has_live_keys(owner));
  EXPECT_EQ(owners.revoked_through(owner), 0u);
  for (int i = 0; i < 3; ++i) owners.key_created(owner);
  owners.key_revoked(owner, 1);
  EXPECT_TRUE(owners.has_live_keys(owner));
  EXPECT_EQ(owners.revoke(owner, 5), 2u);
  EXPECT_FALSE(owners.has_live_keys(owner));
  EXPECT_EQ(owners.revoked_through(owner), 5u);
  EXPECT_EQ(owners.revoke(owner, 6), 0u);
}

TEST(OwnerTable, KeysFromBeforeTheMarkAreNotCountedAnyMore) {
  OwnerTable owners;
  const Slot owner = owners.find_or_add("u1");
  owners.key_created(owner);
  owners.revoke(owner, 5);
  owners.key_created(owner);
  owners.key_revoked(owner, 1);  // created before the mark
  owners.key_revoked(owner, 5);  // at the mark
  EXPECT_TRUE(owners.has_live_keys(owner));
  owners.key_revoked(owner, 6);
  EXPECT_FALSE(owners.has_live_keys(owner));
}

TEST(OwnerTable, MarksOnlyRise) {
  OwnerTable owners;
  const Slot owner = owners.find_or_add("u1");
  owners.key_created(owner);
  owners.raise_mark(owner, 9);
  owners.raise_mark(owner, 4);
  EXPECT_EQ(owners.revoked_through(owner), 9u);
  EXPECT_TRUE(owners.has_live_keys(owner));  // loading does not change the count
}

TEST(PermissionSets, KeepEachSetOnce) {
  PermissionSets sets;
  const Slot none = sets.intern("");
  const Slot some = sets.intern("keys:read keys:verify");
  EXPECT_NE(none, some);
  EXPECT_EQ(sets.intern(std::string("keys:read keys:verify")), some);
  EXPECT_EQ(sets.intern(""), none);
  for (int i = 0; i < 1000; ++i) sets.intern("p" + std::to_string(i));
  EXPECT_EQ(sets.get(some), "keys:read keys:verify");
  EXPECT_EQ(sets.get(none), "");
  EXPECT_EQ(sets.get(sets.intern("p7")), "p7");
}

TEST(Permissions, AreWordsBetweenSingleSpaces) {
  for (const char* list : {"", "a", "a b", "keys:read keys:* x/y"})
    EXPECT_TRUE(is_permission_list(list)) << list;
  for (const char* list : {" ", " a", "a ", "a  b", "a\tb", "a\nb", "a\"b", "a\\b", "\x7f", "\xc3\xa9"}) {
    EXPECT_FALSE(is_permission_list(list)) << list;
  }
}

TEST(Permissions, AreFoundAsWholeWords) {
  EXPECT_TRUE(has_permission("keys:read", "keys:read"));
  EXPECT_TRUE(has_permission("a keys:read b", "keys:read"));
  EXPECT_TRUE(has_permission("a b", "a"));
  EXPECT_TRUE(has_permission("a b", "b"));
  EXPECT_FALSE(has_permission("", "a"));
  EXPECT_FALSE(has_permission("", ""));
  EXPECT_FALSE(has_permission("keys:read", "keys"));
  EXPECT_FALSE(has_permission("keys:read", "read"));
  EXPECT_FALSE(has_permission("keys", "keys:read"));
  EXPECT_FALSE(has_permission("a b", "a b"));
  EXPECT_FALSE(has_permission("a b", ""));
}

}  // namespace revoked::engine::owner_table_test
