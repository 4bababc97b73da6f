#include "engine/model/fair_meter.hpp"

#include <gtest/gtest.h>

namespace revoked::engine::fair_meter_test {

constexpr FairMeter::Rates rates{{5, 1'000}, {20, 100}, {2, 60'000}};
constexpr UnixMs start = 1'800'000'000'000;

class FairMeterTest : public testing::Test {
 protected:
  // How many of `count` pass at once; `reported_` records the reported numbers held back.
  int pass(const Asker& asker, int count, UnixMs now = start) {
    int passed = 0;
    for (int i = 0; i < count; ++i) {
      std::uint64_t others = 0;
      if (!meter_.admit(asker, now, others)) continue;
      ++passed;
      reported_ += others;
    }
    return passed;
  }

  FairMeter meter_{rates};
  std::uint64_t reported_ = 0;
};

const Asker unauthenticated{};
Asker key(std::string_view actor, std::string_view tenant = "acme") {
  return {tenant, ActorKind::key, actor};
}

TEST_F(FairMeterTest, StrangersUseUpNothingOfThoseWhoAreKnown) {
  EXPECT_EQ(pass(unauthenticated, 1'000'000), 2);
  EXPECT_EQ(pass(key("k"), 5), 5);
}

TEST_F(FairMeterTest, OneCallerUsesUpNothingOfAnother) {
  EXPECT_EQ(pass(key("loud"), 1000), 5);
  EXPECT_EQ(pass(key("quiet"), 5), 5);
  // A caller is more than its name.
  EXPECT_EQ(pass({"acme", ActorKind::token, "loud"}, 5), 5);
  EXPECT_EQ(pass({"other", ActorKind::key, "loud"}, 5), 5);
}

TEST_F(FairMeterTest, ATenantWithManyCallersUsesUpNothingOfAnother) {
  int passed = 0;
  for (int i = 0; i < 10'000; ++i) passed += pass(key(std::to_string(i), "loud"), 1);
  EXPECT_EQ(passed, 20);
  EXPECT_EQ(pass(key("k", "quiet"), 5), 5);
}

TEST_F(FairMeterTest, TellsHowManyWereHeldBack) {
  EXPECT_EQ(pass(key("k"), 105), 5);
  EXPECT_EQ(reported_, 0u);
  EXPECT_EQ(pass(key("k"), 1, start + 999), 0);
  EXPECT_EQ(pass(key("k"), 1, start + 1'000), 1);
  EXPECT_EQ(reported_, 101u);
  EXPECT_EQ(pass(key("k"), 10, start + 1'000'000), 5);
  EXPECT_EQ(reported_, 101u);
}

TEST_F(FairMeterTest, TellsTheStrangersCountWithoutAnotherOne) {
  std::uint64_t others = 0;
  EXPECT_FALSE(meter_.take_count(start, others)) << "nothing was held back";
  pass(unauthenticated, 502);
  EXPECT_FALSE(meter_.take_count(start + 59'999, others));
  EXPECT_TRUE(meter_.take_count(start + 60'000, others));
  EXPECT_EQ(others, 500u);
  EXPECT_FALSE(meter_.take_count(start + 10'000'000, others)) << "all is reported";
}

// Also of askers that were evicted.
TEST_F(FairMeterTest, LosesNoCount) {
  EXPECT_EQ(pass(key("first"), 7), 5);
  for (std::size_t i = 0; i < FairMeter::max_shares; ++i) pass(key("k", std::to_string(i)), 1);
  std::uint64_t others = 0;
  EXPECT_TRUE(meter_.take_count(start, others));
  EXPECT_EQ(others, 2u);
}

TEST_F(FairMeterTest, AClockThatIsSetBackSilencesNobody) {
  EXPECT_EQ(pass(key("k"), 9), 5);
  EXPECT_EQ(pass(key("k"), 9, start - 3'600'000), 5);
}

TEST(Asker, BelongsToItsWorkspaceBeforeAnythingElse) {
  Reach reach;
  EXPECT_EQ(Asker::of("k", ActorKind::key, &reach).tenant, "");
  EXPECT_EQ(Asker::of("k", ActorKind::key, nullptr).tenant, "");
  reach.limits = {std::vector<std::string>{"ann"}, {}, {}};
  EXPECT_EQ(Asker::of("k", ActorKind::key, &reach).tenant, "ann");
  reach.limits = {std::vector<std::string>{"ann"}, std::vector<std::string>{"shop"},
                  std::vector<std::string>{"acme"}};
  EXPECT_EQ(Asker::of("k", ActorKind::key, &reach).tenant, "acme");
}

}  // namespace revoked::engine::fair_meter_test
