// Which gateways enforce a position, by what they have reported and by their leases.

#include <gtest/gtest.h>

#include "cache/feed/gateway_registry.hpp"

namespace revoked::cache::receipt_test {

using namespace std::chrono_literals;
using Outcome = GatewayRegistry::Outcome;
using engine::Position;

constexpr auto skew = GatewayRegistry::max_lease_skew;

class Receipts : public testing::Test {
 protected:
  static Report report_of(const std::string& name, Position applied, WhenStale policy = WhenStale::deny) {
    Report report;
    report.gateway = name;
    report.applied = applied;
    report.when_stale = policy;
    report.lease = 3s;
    return report;
  }
  using Origin = GatewayRegistry::Origin;
  Outcome accept(Report report, bool is_ours = true, Origin origin = Origin::signed_bus()) {
    return registry_.on_report(std::move(report), origin, {is_ours}, now_);
  }
  Receipt receipt(Position position) const { return registry_.receipt(position, published_, now_); }
  // "name by+milliseconds since the publication", "name waiting", by name.
  std::vector<std::string> texts(Position position) const {
    const auto receipt = this->receipt(position);
    std::vector<std::string> texts;
    for (const auto& each : receipt.enforced) {
      const auto after = std::chrono::duration_cast<std::chrono::milliseconds>(each.at - published_).count();
      texts.push_back(each.name + (each.by == Receipt::By::applied ? " applied+" : " lease+") +
                      std::to_string(after) + (each.is_since_first_report ? " first" : ""));
    }
    for (const auto& name : receipt.waiting) texts.push_back(name + " waiting");
    std::ranges::sort(texts);
    return texts;
  }
  using Texts = std::vector<std::string>;

  GatewayRegistry registry_;
  GatewayRegistry::Time now_{1h};
  GatewayRegistry::Time published_{1h};
};

TEST_F(Receipts, SayWhoHasAppliedAPositionAndWhenItSaidSo) {
  accept(report_of("a", {3, 10}));
  accept(report_of("b", {3, 10}));
  EXPECT_EQ(texts({3, 11}), (Texts{"a waiting", "b waiting"}));
  now_ += 1ms;
  accept(report_of("a", {3, 11}));
  now_ += 1ms;
  accept(report_of("a", {3, 12}));
  accept(report_of("b", {3, 12}));
  EXPECT_EQ(texts({3, 11}), (Texts{"a applied+1", "b applied+2"}));
  EXPECT_EQ(texts({3, 12}), (Texts{"a applied+2", "b applied+2"}));
  EXPECT_EQ(texts({3, 13}), (Texts{"a waiting", "b waiting"}));
  EXPECT_EQ(texts({3, 10}), (Texts{"a applied+0 first", "b applied+0 first"})) << "it may have been earlier";
}

TEST_F(Receipts, CountAGatewayThatDeniesOrAsksOnceItsLeaseIsOver) {
  accept(report_of("asks", {3, 10}, WhenStale::ask));
  accept(report_of("denies", {3, 10}, WhenStale::deny));
  accept(report_of("serves", {3, 10}, WhenStale::serve));
  auto unsaid = report_of("unsaid", {3, 10}, WhenStale::deny);
  unsaid.lease = 0s;
  accept(unsaid);
  EXPECT_EQ(receipt({3, 11}).next_lease_end, published_ + 3s + skew);
  now_ = published_ + 3s + skew - 1ms;
  EXPECT_EQ(texts({3, 11}), (Texts{"asks waiting", "denies waiting", "serves waiting", "unsaid waiting"}));
  now_ += 1ms;
  EXPECT_EQ(texts({3, 11}),
            (Texts{"asks lease+3100", "denies lease+3100", "serves waiting", "unsaid waiting"}));
  EXPECT_FALSE(receipt({3, 11}).next_lease_end);
  EXPECT_EQ(receipt({3, 11}).by_lease(), 2u);
  now_ += 1h;
  EXPECT_EQ(texts({3, 11}),
            (Texts{"asks lease+3100", "denies lease+3100", "serves waiting", "unsaid waiting"}))
      << "gone, and still counted";
  accept(report_of("serves", {3, 11}, WhenStale::serve));
  EXPECT_EQ(receipt({3, 11}).waiting, Texts{"unsaid"});
}

TEST_F(Receipts, P14GenuineDoNotCountAnotherJournalOrEpoch) {
  accept(report_of("elsewhere", {3, 99}), false);
  accept(report_of("ahead", {2, 99}));
  EXPECT_EQ(texts({3, 11}), (Texts{"ahead waiting", "elsewhere waiting"}));
  accept(report_of("elsewhere", {3, 11}));
  accept(report_of("ahead", {3, 11}));
  EXPECT_TRUE(receipt({3, 11}).waiting.empty());
  accept(report_of("elsewhere", {3, 99}), false);
  EXPECT_EQ(receipt({3, 11}).waiting, Texts{"elsewhere"}) << "it follows another journal now";
}

TEST_F(Receipts, ATimeFromBeforeARestartAtAnEarlierPositionDoesNotCount) {
  accept(report_of("a", {3, 20}));
  now_ += 10ms;
  accept(report_of("a", {3, 10}));
  EXPECT_EQ(texts({3, 11}), Texts{"a waiting"});
  now_ += 10ms;
  accept(report_of("a", {3, 11}));
  EXPECT_EQ(texts({3, 11}), Texts{"a applied+20"});
}

// A report that was captured, and is sent again by somebody else.
TEST_F(Receipts, P14GenuineAnOldReportHasNoEffect) {
  auto report = report_of("a", {3, 10}, WhenStale::serve);
  report.instance = "i1";
  report.number = 1;
  EXPECT_EQ(accept(report), Outcome::accepted);
  auto newer = report;
  newer.number = 2;
  newer.applied = {3, 11};
  EXPECT_EQ(accept(newer), Outcome::accepted);
  EXPECT_EQ(accept(report), Outcome::old);
  EXPECT_EQ(accept(newer), Outcome::old);
  report.number = 0;
  EXPECT_EQ(accept(report), Outcome::old) << "it has numbered its reports";
  EXPECT_EQ(texts({3, 11}), Texts{"a applied+0"});

  auto leaving = newer;
  leaving.number = 3;
  leaving.is_leaving = true;
  EXPECT_EQ(accept(leaving), Outcome::accepted);
  EXPECT_EQ(accept(newer), Outcome::old) << "it has left";
  EXPECT_EQ(registry_.size(), 0u);
  newer.instance = "i2";
  newer.number = 1;
  EXPECT_EQ(accept(newer), Outcome::accepted) << "it has started again";
  EXPECT_EQ(accept(leaving), Outcome::old);
  EXPECT_EQ(registry_.size(), 1u);
}

// Nobody knows whether the process before is dead.
TEST_F(Receipts, TwoProcessesOfOneNameAreTwoGatewaysUntilOneIsGone) {
  auto first = report_of("a", {3, 10});
  first.instance = "i1";
  accept(first);
  auto second = report_of("a", {3, 11});
  second.instance = "i2";
  accept(second);
  EXPECT_EQ(texts({3, 11}), (Texts{"a applied+0 first", "a waiting"}));
  now_ += GatewayRegistry::min_silence + 1ms;
  accept(second);
  EXPECT_EQ(texts({3, 11}), Texts{"a applied+0 first"});
}

TEST_F(Receipts, P14GenuineAGatewayOfTheBusIsNotReportedByAnotherCaller) {
  auto report = report_of("a", {3, 10}, WhenStale::serve);
  report.instance = "i1";
  report.number = 1;
  accept(report);
  auto forged = report;
  forged.number = 1'000'000;
  forged.applied = {3, 11};
  EXPECT_EQ(accept(forged, true, Origin::http("key b")), Outcome::taken);
  EXPECT_EQ(texts({3, 11}), Texts{"a waiting"});
  now_ += GatewayRegistry::min_silence + 1ms;
  report.number = 2;
  EXPECT_EQ(accept(report, true, Origin::http("key a")), Outcome::accepted) << "Redis is away";
  EXPECT_EQ(accept(forged, true, Origin::http("key b")), Outcome::taken);
}

TEST_F(Receipts, P14GenuineAnUnsignedReportChangesNothingThatIsKnownOverHttp) {
  auto report = report_of("a", {3, 10}, WhenStale::serve);
  report.instance = "i1";
  report.number = 1;
  EXPECT_EQ(accept(report, true, Origin::bus()), Outcome::accepted) << "there is nothing better";
  report.number = 2;
  EXPECT_EQ(accept(report, true, Origin::http("key a")), Outcome::accepted);
  auto forged = report;
  forged.number = 3;
  forged.applied = {3, 11};
  EXPECT_EQ(accept(forged, true, Origin::bus()), Outcome::taken);
  forged.instance = "i2";
  forged.is_leaving = true;
  EXPECT_EQ(accept(forged, true, Origin::bus()), Outcome::taken);
  EXPECT_EQ(texts({3, 11}), Texts{"a waiting"});
}

TEST_F(Receipts, AWaitIsToldWhenTheLastHasApplied) {
  accept(report_of("a", {3, 10}));
  accept(report_of("b", {3, 10}));
  int changes = 0;
  auto wait = registry_.wait({3, 12}, [&] { ++changes; });
  accept(report_of("a", {3, 11}));
  accept(report_of("a", {3, 12}));
  EXPECT_EQ(changes, 0);
  accept(report_of("a", {3, 13}));
  EXPECT_EQ(changes, 0);
  accept(report_of("b", {3, 15}));
  EXPECT_EQ(changes, 1);
  EXPECT_TRUE(receipt({3, 12}).waiting.empty());
  accept(report_of("c", {3, 12}));
  EXPECT_EQ(changes, 2) << "another gateway";
  wait.reset();
  accept(report_of("d", {3, 12}));
  EXPECT_EQ(changes, 2);
}

TEST_F(Receipts, AWaitIsToldWhenTheLastLeavesOrFollowsTheNextEpoch) {
  accept(report_of("a", {3, 10}));
  accept(report_of("b", {3, 10}));
  int changes = 0;
  const auto wait = registry_.wait({4, 12}, [&] { ++changes; });
  accept(report_of("a", {3, 12}));
  EXPECT_EQ(changes, 0) << "ahead of the epoch's beginning";
  accept(report_of("a", {4, 12}));
  EXPECT_EQ(receipt({4, 12}).waiting, Texts{"b"});
  auto leaving = report_of("b", {3, 10});
  leaving.is_leaving = true;
  changes = 0;
  accept(leaving);
  EXPECT_EQ(changes, 1);
  EXPECT_TRUE(receipt({4, 12}).waiting.empty());
}

// The count of a wait and the receipt agree, whatever happens.
TEST_F(Receipts, P13FairWaitsAreBounded) {
  std::vector<std::unique_ptr<GatewayRegistry::Wait>> waits;
  for (std::size_t i = 0; i < GatewayRegistry::max_waits; ++i) waits.push_back(registry_.wait({3, i}, [] {}));
  EXPECT_NE(waits.back(), nullptr);
  EXPECT_EQ(registry_.wait({3, 1}, [] {}), nullptr);
  waits.pop_back();
  EXPECT_NE(registry_.wait({3, 1}, [] {}), nullptr);
}

TEST_F(Receipts, AWaitIsToldWheneverAReceiptBecomesComplete) {
  std::uint64_t random = 1;
  const auto draw = [&](std::uint64_t below) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return (random >> 33) % below;
  };
  for (int round = 0; round < 300; ++round) {
    GatewayRegistry registry;
    bool told = false;
    const Position position{2 + draw(2), 10};
    std::unique_ptr<GatewayRegistry::Wait> wait;
    bool complete = true;
    for (int step = 0; step < 40; ++step) {
      if (step == 10) wait = registry.wait(position, [&] { told = true; });
      auto report = report_of(std::string(1, static_cast<char>('a' + draw(4))), {2 + draw(2), 8 + draw(5)},
                              WhenStale::serve);
      report.is_leaving = draw(8) == 0;
      registry.on_report(report, Origin::signed_bus(), {draw(6) != 0}, now_);
      const bool is_complete = registry.receipt(position, published_, now_).waiting.empty();
      if (wait && is_complete && !complete) {
        EXPECT_TRUE(told) << round << " " << step;
      }
      complete = is_complete;
      told = false;
    }
  }
}

TEST(Reporting, IsAskedToBeRarerWithManyGateways) {
  GatewayRegistry registry;
  EXPECT_FALSE(registry.report_ms());
  Report report;
  report.applied = {1, 1};
  for (int i = 0; i < 1000; ++i) {
    report.gateway = std::to_string(i);
    registry.on_report(report, GatewayRegistry::Origin::bus(), {true}, GatewayRegistry::Time(1h));
  }
  EXPECT_EQ(registry.report_ms(), 50u);
}

}  // namespace revoked::cache::receipt_test
