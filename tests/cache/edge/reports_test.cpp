#include "cache/edge/reports.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace revoked::cache::reports_test {

using engine::Position;
using namespace std::chrono_literals;

class ReportsTest : public testing::Test {
 protected:
  // How many reports are made after that time.
  std::size_t note(std::optional<Position> applied, std::chrono::milliseconds later,
                   Coverage coverage = Coverage::fresh) {
    const auto before = sent_.size();
    now_ += later;
    if (due_ && now_ >= *due_) {
      due_.reset();
      reports_.send_due(now_);
    }
    reports_.note(applied, "j1", coverage, now_);
    return sent_.size() - before;
  }
  std::uint64_t last_sequence() const { return decode_report(sent_.back())->applied.sequence; }
  static constexpr auto period = Reports::min_period;

  std::vector<std::string> sent_;
  std::vector<bool> is_first_;
  std::optional<Reports::Time> due_;
  Reports reports_{
      Report{
          .gateway = "edge-1", .instance = "a1", .applied = {}, .when_stale = WhenStale::deny, .lease = 3s},
      [this](std::string report, bool is_first) {
        sent_.push_back(std::move(report));
        is_first_.push_back(is_first);
      },
      [this](Reports::Time due) { due_ = due; }};
  Reports::Time now_{1h};
};

TEST_F(ReportsTest, SayWhoHasAppliedWhat) {
  EXPECT_EQ(note({}, period), 0u);
  EXPECT_EQ(note(Position{3, 17}, period), 1u);
  EXPECT_EQ(sent_.back(),
            R"({"gateway":"edge-1","instance":"a1","number":1,"epoch":3,"sequence":17,"journal":"j1",)"
            R"("state":"current","when_stale":"deny","lease_ms":3000})");
}

TEST_F(ReportsTest, AreMadeAtOnceAfterAChangeAndEverySecond) {
  EXPECT_EQ(note(Position{3, 17}, period), 1u);
  EXPECT_EQ(note(Position{3, 17}, period), 0u);
  EXPECT_EQ(note(Position{3, 18}, period), 1u);
  EXPECT_EQ(note(Position{3, 18}, period, Coverage::stale), 1u);
  EXPECT_EQ(note(Position{3, 18}, 999ms, Coverage::stale), 0u);
  EXPECT_EQ(note(Position{3, 18}, 1ms, Coverage::stale), 1u);
}

TEST_F(ReportsTest, AreMadeOnceAPeriodAndThenWithTheLatestPosition) {
  EXPECT_EQ(note(Position{3, 17}, period), 1u);
  EXPECT_EQ(note(Position{3, 18}, 1ms), 0u);
  EXPECT_EQ(note(Position{3, 19}, 1ms), 0u);
  ASSERT_EQ(due_, now_ - 2ms + period);
  now_ = *due_;
  reports_.send_due(now_);
  EXPECT_EQ(last_sequence(), 19u);
  EXPECT_EQ(note(Position{3, 19}, period), 0u) << "nothing has changed";
  EXPECT_EQ(note(Position{3, 20}, period), 1u);
}

TEST_F(ReportsTest, AreMadeLessOftenIfTheEngineAsks) {
  reports_.set_period(50ms);
  EXPECT_EQ(note(Position{3, 17}, 1s), 1u);
  EXPECT_EQ(note(Position{3, 18}, 10ms), 0u);
  EXPECT_EQ(note(Position{3, 19}, 39ms), 0u);
  EXPECT_EQ(note(Position{3, 19}, 1ms), 1u);
  EXPECT_EQ(last_sequence(), 19u);
  reports_.set_period(0ms);
  EXPECT_EQ(note(Position{3, 20}, 4ms), 0u);
  EXPECT_EQ(note(Position{3, 20}, 1ms), 1u);
}

TEST_F(ReportsTest, AreNumberedAndTellTheFirstOfAnEpoch) {
  note(Position{3, 17}, period);
  note(Position{3, 18}, period);
  note(Position{4, 19}, period);
  EXPECT_EQ(is_first_, (std::vector<bool>{true, false, true}));
  EXPECT_EQ(decode_report(sent_.back())->number, 3u);
}

TEST_F(ReportsTest, EndWithOneThatSaysSoIfThereWereAny) {
  reports_.leave();
  EXPECT_TRUE(sent_.empty());
  note(Position{3, 17}, period);
  reports_.leave();
  EXPECT_TRUE(decode_report(sent_.back())->is_leaving);
  EXPECT_EQ(decode_report(sent_.back())->number, 2u);
}

}  // namespace revoked::cache::reports_test
