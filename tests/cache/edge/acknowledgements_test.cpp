#include "cache/edge/acknowledgements.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace revoked::cache::acknowledgements_test {

using engine::Position;
using namespace std::chrono_literals;

class AcknowledgementsTest : public testing::Test {
 protected:
  // How many acknowledgements a report after a whole period makes.
  std::size_t report(std::optional<Position> applied) {
    const auto before = acks.size();
    now += Acknowledgements::period;
    acknowledgements.report(applied, now);
    return acks.size() - before;
  }

  std::vector<std::string> acks;
  Acknowledgements acknowledgements{"edge-1", [this](std::string ack) { acks.push_back(std::move(ack)); }};
  Acknowledgements::Time now{1h};
};

TEST_F(AcknowledgementsTest, SayWhoHasAppliedWhat) {
  EXPECT_EQ(report(Position{3, 17}), 1u);
  EXPECT_EQ(acks.back(), R"({"gateway":"edge-1","epoch":3,"sequence":17})");
}

TEST_F(AcknowledgementsTest, AreMadeWhenThePositionMovesOrWhenRequested) {
  EXPECT_EQ(report({}), 0u);
  EXPECT_EQ(report(Position{3, 17}), 1u);
  EXPECT_EQ(report(Position{3, 17}), 0u);
  EXPECT_EQ(report(Position{3, 18}), 1u);
  acknowledgements.request();
  EXPECT_EQ(report(Position{3, 18}), 1u);
  EXPECT_EQ(report(Position{3, 18}), 0u);
}

TEST_F(AcknowledgementsTest, AreMadeOnceAPeriodAndThenWithTheLatestPosition) {
  EXPECT_EQ(report(Position{3, 17}), 1u);
  acknowledgements.report(Position{3, 18}, now);
  acknowledgements.report(Position{3, 19}, now + Acknowledgements::period - 1ms);
  EXPECT_EQ(acks.size(), 1u);
  EXPECT_EQ(report(Position{3, 19}), 1u);
  EXPECT_EQ(acks.back(), R"({"gateway":"edge-1","epoch":3,"sequence":19})");
}

TEST(AcknowledgementsWithoutRedis, AreNotMade) {
  Acknowledgements nowhere("edge-1", {});
  nowhere.report(Position{3, 17}, Acknowledgements::Time(1h));
}

}  // namespace revoked::cache::acknowledgements_test
