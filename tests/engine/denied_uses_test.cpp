#include "engine/denied_uses.hpp"

#include <gtest/gtest.h>

namespace revoked::engine::denied_uses_test {

constexpr UnixMs hour = DeniedUses::event_every;

class DeniedUsesTest : public testing::Test {
 protected:
  void begin(const std::string& key_id) { uses_.begin({key_id, 0, {}, {}, {}}); }
  void add(const std::string& key_id, std::uint64_t count, UnixMs at, std::string_view gateway = "edge-1") {
    if (!uses_.knows(key_id)) begin(key_id);
    uses_.add({key_id, {count, at, at}, "192.0.2.0/24"}, gateway);
  }

  DeniedUses uses_;
};

TEST_F(DeniedUsesTest, AreDueAtOnceAndThenOnceAnHourWithWhatCameBetween) {
  add("k1", 2, 10);
  const auto first = uses_.take_due("k1", "edge-1", 20);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->part.pending, (Attempts{2, 10, 10}));
  EXPECT_EQ(first->part.address, "192.0.2.0/24");
  add("k1", 3, 30);
  add("k1", 4, 40);
  EXPECT_FALSE(uses_.take_due("k1", "edge-1", 19 + hour));
  EXPECT_TRUE(uses_.take_due(19 + hour, 100).empty());
  const auto second = uses_.take_due(20 + hour, 100);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].part.pending, (Attempts{7, 30, 40}));
  EXPECT_EQ(second[0].all, (Attempts{9, 10, 40}));
  EXPECT_TRUE(uses_.take_due(20 + 3 * hour, 100).empty()) << "nothing more";
}

TEST_F(DeniedUsesTest, WhatIsPutBackIsDueAgain) {
  add("k1", 2, 10);
  const auto due = uses_.take_due("k1", "edge-1", 20);
  uses_.put_back(*due);
  add("k1", 1, 30);
  const auto again = uses_.take_due("k1", "edge-1", 40);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->part.pending, (Attempts{3, 10, 30}));
}

TEST_F(DeniedUsesTest, AtMostSoManyAreTakenAtOnce) {
  for (int i = 0; i < 10; ++i) add("k" + std::to_string(i), 1, 10);
  EXPECT_EQ(uses_.take_due(20, 4).size(), 4u);
  EXPECT_EQ(uses_.take_due(20, 4).size(), 4u);
  EXPECT_EQ(uses_.take_due(20, 4).size(), 2u);
}

TEST_F(DeniedUsesTest, TheKeyThatWasReportedLongestAgoIsDroppedAndCounted) {
  for (std::size_t i = 0; i < DeniedUses::max_keys; ++i) add("k" + std::to_string(i), 2, 10);
  add("k0", 1, 10);
  EXPECT_EQ(uses_.dropped(), 0u);
  add("another", 1, 10);
  EXPECT_TRUE(uses_.knows("k0"));
  EXPECT_FALSE(uses_.knows("k1"));
  EXPECT_EQ(uses_.dropped(), 2u);
  EXPECT_EQ(uses_.all().size(), DeniedUses::max_keys);
}

TEST_F(DeniedUsesTest, TheGatewaysOfAKeyAreBounded) {
  for (int i = 0; i < 100; ++i) add("k1", 1, 10, "edge-" + std::to_string(i));
  EXPECT_EQ(uses_.of("k1")->attempts.count, 100u);
  EXPECT_EQ(uses_.of("k1")->gateways.size(), DeniedUses::max_gateways_a_key);
  EXPECT_EQ(uses_.take_due(20, 1000).size(), DeniedUses::max_gateways_a_key);
  EXPECT_EQ(uses_.dropped(), 100 - DeniedUses::max_gateways_a_key);
  EXPECT_TRUE(uses_.take_due(20 + hour, 1000).empty());
  add("k1", 1, 30, "edge-99");
  EXPECT_EQ(uses_.take_due(30 + hour, 1000).size(), 1u) << "there is room again";
}

TEST_F(DeniedUsesTest, OnlyAKeyThatHasBegunIsCounted) {
  uses_.add({"k1", {1, 1, 1}, {}}, "edge-1");
  EXPECT_FALSE(uses_.of("k1"));
  uses_.begin({"k1", 50, {5, 60, 70}, {"edge-9"}, {}});
  uses_.begin({"k1", 0, {}, {}, {}});
  add("k1", 1, 10);
  EXPECT_EQ(uses_.of("k1")->attempts, (Attempts{6, 50, 70})) << "none before the key was there";
  EXPECT_EQ(uses_.of("k1")->gateways, (std::vector<std::string>{"edge-9", "edge-1"}));
}

}  // namespace revoked::engine::denied_uses_test
