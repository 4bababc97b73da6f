#include "cache/edge/acknowledgements.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace revoked::cache::acknowledgements_test {

using engine::Position;
using namespace std::chrono_literals;

class AcknowledgementsTest : public testing::Test {
 protected:
  // How many reports are made after that time.
  std::size_t report(std::optional<Position> applied, std::chrono::milliseconds later,
                     Coverage coverage = Coverage::fresh) {
    const auto before = reports_.size();
    now_ += later;
    acknowledgements_.report(applied, "j1", coverage, now_);
    return reports_.size() - before;
  }
  static constexpr auto soon = Acknowledgements::min_period;

  std::vector<std::string> reports_;
  Acknowledgements acknowledgements_{
      Report{.gateway = "edge-1", .applied = {}, .when_stale = WhenStale::deny, .lease = 3s},
      [this](std::string report) { reports_.push_back(std::move(report)); }};
  Acknowledgements::Time now_{1h};
};

TEST_F(AcknowledgementsTest, SayWhoHasAppliedWhat) {
  EXPECT_EQ(report({}, soon), 0u);
  EXPECT_EQ(report(Position{3, 17}, soon), 1u);
  EXPECT_EQ(reports_.back(), R"({"gateway":"edge-1","epoch":3,"sequence":17,"journal":"j1",)"
                             R"("state":"current","when_stale":"deny","lease_ms":3000})");
}

TEST_F(AcknowledgementsTest, AreMadeSoonAfterAChangeAndEverySecond) {
  EXPECT_EQ(report(Position{3, 17}, soon), 1u);
  EXPECT_EQ(report(Position{3, 17}, soon), 0u);
  EXPECT_EQ(report(Position{3, 18}, soon), 1u);
  EXPECT_EQ(report(Position{3, 18}, soon, Coverage::stale), 1u);
  EXPECT_EQ(report(Position{3, 18}, 999ms, Coverage::stale), 0u);
  EXPECT_EQ(report(Position{3, 18}, 1ms, Coverage::stale), 1u);
}

TEST_F(AcknowledgementsTest, AreMadeOnceAPeriodAndThenWithTheLatestPosition) {
  EXPECT_EQ(report(Position{3, 17}, soon), 1u);
  EXPECT_EQ(report(Position{3, 18}, 1ms), 0u);
  EXPECT_EQ(report(Position{3, 19}, soon - 1ms), 1u);
  EXPECT_NE(reports_.back().find("\"sequence\":19"), std::string::npos);
}

TEST_F(AcknowledgementsTest, EndWithOneThatSaysSoIfThereWereAny) {
  acknowledgements_.leave();
  EXPECT_TRUE(reports_.empty());
  report(Position{3, 17}, soon);
  acknowledgements_.leave();
  EXPECT_TRUE(reports_.back().ends_with(",\"leaving\":true}"));
}

}  // namespace revoked::cache::acknowledgements_test
