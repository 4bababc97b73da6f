#include "cache/feed/gateway_registry.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace revoked::cache::gateway_registry_test {

using namespace std::chrono_literals;
using Outcome = GatewayRegistry::Outcome;

class Gateways : public testing::Test {
 protected:
  static GatewayRegistry::Origin origin_of(std::string_view caller) {
    return caller.empty() ? GatewayRegistry::Origin::signed_bus() : GatewayRegistry::Origin::http(caller);
  }
  Outcome report(const std::string& name, engine::Sequence sequence, std::string_view sender = {},
                 std::chrono::milliseconds lease = 3s) {
    Report report;
    report.gateway = name;
    report.applied = {1, sequence};
    report.lease = lease;
    return registry_.on_report(std::move(report), origin_of(sender), {.is_ours = true}, now_);
  }
  Outcome leave(const std::string& name, std::string_view sender = {}) {
    Report report;
    report.gateway = name;
    report.applied = {1, 1};
    report.is_leaving = true;
    return registry_.on_report(std::move(report), origin_of(sender), {.is_ours = true}, now_);
  }
  // "name sequence", with "gone" where it is.
  std::vector<std::string> all() const {
    std::vector<std::string> texts;
    for (const auto& [report, reported, is_gone] : registry_.all(now_))
      texts.push_back(report.gateway + " " + std::to_string(report.applied.sequence) +
                      (is_gone ? " gone" : ""));
    return texts;
  }
  using Texts = std::vector<std::string>;

  GatewayRegistry registry_;
  GatewayRegistry::Time now_{1h};
};

TEST_F(Gateways, AreListedByNameWithTheirLastReport) {
  EXPECT_EQ(report("edge-2", 7), Outcome::accepted);
  EXPECT_EQ(report("edge-1", 5), Outcome::accepted);
  EXPECT_EQ(report("edge-2", 8), Outcome::accepted);
  EXPECT_EQ(all(), (Texts{"edge-1 5", "edge-2 8"}));
}

TEST_F(Gateways, AreForgottenWhenTheyLeaveAndGoneWhenTheyVanish) {
  report("edge-1", 5);
  report("edge-2", 5);
  EXPECT_EQ(leave("edge-2"), Outcome::accepted);
  EXPECT_EQ(leave("edge-3"), Outcome::accepted);
  EXPECT_EQ(all(), Texts{"edge-1 5"});
  now_ += GatewayRegistry::min_silence;
  EXPECT_EQ(all(), Texts{"edge-1 5"});
  now_ += 1ms;
  EXPECT_EQ(all(), Texts{"edge-1 5 gone"});
  report("edge-1", 6);
  EXPECT_EQ(all(), Texts{"edge-1 6"});
  now_ += GatewayRegistry::kept_for + 1ms;
  EXPECT_EQ(all(), Texts{});
}

TEST_F(Gateways, AreNotGoneBeforeTheirLeaseIsOver) {
  report("edge-1", 5, {}, 60s);
  now_ += 60s;
  EXPECT_EQ(all(), Texts{"edge-1 5"});
  now_ += 1ms;
  EXPECT_EQ(all(), Texts{"edge-1 5 gone"});
}

TEST_F(Gateways, AreForgottenByHandOnceTheyAreGone) {
  report("edge-1", 5);
  report("edge-2", 5);
  report("edge", 5);
  EXPECT_EQ(registry_.forget("edge-1", now_), GatewayRegistry::Forgotten::not_gone);
  now_ += GatewayRegistry::min_silence + 1ms;
  report("edge-2", 6);
  int changes = 0;
  const auto wait = registry_.wait({1, 7}, [&] { ++changes; });
  EXPECT_EQ(registry_.forget("edge-1", now_), GatewayRegistry::Forgotten::yes);
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(all(), (Texts{"edge 5 gone", "edge-2 6"}));
  EXPECT_EQ(registry_.forget("edge-1", now_), GatewayRegistry::Forgotten::unknown);
  EXPECT_EQ(report("edge-1", 5), Outcome::accepted) << "it lives after all";
  EXPECT_EQ(all(), (Texts{"edge 5 gone", "edge-1 5", "edge-2 6"}));
}

TEST_F(Gateways, AreWaitedForByTheEngineThatLeadsNext) {
  report("edge-1", 7);
  report("edge-2", 5, {}, 20s);
  GatewayRegistry next;
  next.expect("no report\n" + registry_.roster() + "{", now_);
  EXPECT_EQ(next.roster(), registry_.roster());
  const auto receipt = next.receipt({1, 5}, now_, now_);
  EXPECT_EQ(receipt.enforced.size(), 0u);
  EXPECT_EQ(receipt.waiting, (Texts{"edge-1", "edge-2"}));
  Report again;
  again.gateway = "edge-1";
  again.applied = {1, 7};
  EXPECT_EQ(next.on_report(std::move(again), origin_of({}), {.is_ours = true}, now_), Outcome::accepted);
  next.expect(registry_.roster(), now_);
  EXPECT_EQ(next.receipt({1, 5}, now_, now_).waiting, Texts{"edge-2"});
}

TEST_F(Gateways, P14GenuineAnotherCallerDoesNotReportUnderTheName) {
  EXPECT_EQ(report("edge-1", 5, "key a"), Outcome::accepted);
  EXPECT_EQ(report("edge-1", 9, "key b"), Outcome::taken);
  EXPECT_EQ(leave("edge-1", "key b"), Outcome::taken);
  EXPECT_EQ(all(), Texts{"edge-1 5"});
  EXPECT_EQ(report("edge-1", 6), Outcome::accepted) << "over the bus, as signed there";
  EXPECT_EQ(report("edge-1", 9, "key b"), Outcome::taken) << "still";
  EXPECT_EQ(leave("edge-1", "key a"), Outcome::accepted);
  EXPECT_EQ(report("edge-1", 1, "key b"), Outcome::accepted) << "after it left";
  now_ += GatewayRegistry::min_silence + 1ms;
  EXPECT_EQ(report("edge-1", 2, "key a"), Outcome::accepted) << "once it is gone";
  EXPECT_EQ(report("edge-1", 3, "key b"), Outcome::taken);
}

TEST_F(Gateways, P13FairAreBoundedAndThoseThatAreGoneMakeRoom) {
  for (std::size_t i = 0; i < GatewayRegistry::max_gateways; ++i) {
    now_ += 1us;
    ASSERT_EQ(report("edge-" + std::to_string(i), 1), Outcome::accepted);
  }
  EXPECT_EQ(report("one more", 1), Outcome::full);
  EXPECT_EQ(report("edge-7", 2), Outcome::accepted) << "it has its place";
  now_ += GatewayRegistry::min_silence;
  report("edge-0", 2);
  now_ += 1ms;
  EXPECT_EQ(report("one more", 1), Outcome::accepted);
  const auto names = all();
  EXPECT_EQ(names.size(), GatewayRegistry::max_gateways);
  EXPECT_EQ(std::ranges::count(names, "edge-1 1 gone"), 0) << "gone the longest";
  EXPECT_EQ(std::ranges::count(names, "edge-0 2"), 1);
  EXPECT_EQ(std::ranges::count(names, "one more 1"), 1);
}

}  // namespace revoked::cache::gateway_registry_test
