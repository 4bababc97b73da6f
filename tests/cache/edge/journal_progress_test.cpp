#include "cache/edge/journal_progress.hpp"

#include <gmock/gmock.h>

namespace revoked::cache::journal_progress_test {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Monotonic now{std::chrono::hours(1)};

Message message(Epoch epoch, Sequence first, Sequence last, std::vector<Sequence> revoked = {}) {
  Message made{epoch, first, last, 0, {}, "j" + std::to_string(epoch), {}};
  for (const auto sequence : revoked) {
    auto& event = made.events.emplace_back();
    event.type = Invalidation::Type::key_revoked;
    event.sequence = sequence;
  }
  return made;
}

class Progress : public testing::Test {
 protected:
  Progress() { progress.restart_at({3, 100}, "j3", now); }
  std::vector<Sequence> apply(Message applied) {
    std::vector<Invalidation> events;
    progress.apply(applied, now, events);
    return sequences(events);
  }
  std::vector<Sequence> apply_ahead(Message applied) {
    std::vector<Invalidation> events;
    progress.note_published({applied.epoch, applied.last}, now);
    progress.apply_ahead(applied, events);
    return sequences(events);
  }
  static std::vector<Sequence> sequences(const std::vector<Invalidation>& events) {
    std::vector<Sequence> all;
    for (const auto& event : events) all.push_back(event.sequence);
    return all;
  }
  JournalProgress progress;
};

TEST(JournalProgress, HasNoPositionBeforeTheFirstRestart) {
  const JournalProgress progress;
  EXPECT_FALSE(progress.position());
  EXPECT_FALSE(progress.is_complete());
}

TEST_F(Progress, MovesToTheEndOfAMessage) {
  EXPECT_THAT(apply(message(3, 99, 103, {100, 102})), ElementsAre(102));
  EXPECT_EQ(progress.position(), (Position{3, 103}));
  EXPECT_TRUE(progress.is_complete());
}

TEST_F(Progress, IsIncompleteUntilTheGapIsClosedAndAppliesNothingTwice) {
  EXPECT_THAT(apply_ahead(message(3, 103, 104, {104})), ElementsAre(104));
  EXPECT_FALSE(progress.is_complete());
  EXPECT_THAT(apply_ahead(message(3, 103, 105, {104, 105})), ElementsAre(105));
  EXPECT_THAT(apply(message(3, 101, 103, {101, 103})), ElementsAre(101));
  EXPECT_EQ(progress.position(), (Position{3, 105}));
  EXPECT_TRUE(progress.is_complete());
}

TEST_F(Progress, TakesTheJournalIdOfANewEpochAlong) {
  apply(message(4, 101, 102));
  EXPECT_EQ(progress.journal(), "j4");
  EXPECT_EQ(progress.published(), (Position{4, 102}));
}

TEST_F(Progress, DoesNotCountWhatWasAppliedAheadInAnEarlierEpoch) {
  apply_ahead(message(3, 102, 102, {102}));
  progress.note_published({4, 103}, now);
  EXPECT_THAT(apply(message(4, 101, 103, {102})), ElementsAre(102));
}

TEST_F(Progress, IsCompleteAfterARestartOnlyIfNothingBeyondItWasPublished) {
  progress.note_published({3, 110}, now);
  progress.restart_at({3, 105}, "j3", now);
  EXPECT_FALSE(progress.is_complete());
  progress.retract_published({3, 105});
  EXPECT_TRUE(progress.is_complete());
}

TEST_F(Progress, RemembersSinceWhenThatIsPublished) {
  progress.note_published({3, 110}, now + std::chrono::seconds(1));
  progress.note_published({3, 110}, now + std::chrono::seconds(2));
  progress.note_published({3, 105}, now + std::chrono::seconds(3));
  EXPECT_EQ(progress.published_since(), now + std::chrono::seconds(1));
}

TEST_F(Progress, ComparesNothingWithAnotherHistory) {
  apply_ahead(message(3, 105, 105, {105}));
  progress.forget_published();
  progress.restart_at({2, 103}, "j2", now);
  EXPECT_TRUE(progress.is_complete());
  EXPECT_THAT(apply(message(2, 104, 105, {105})), ElementsAre(105));
}

}  // namespace revoked::cache::journal_progress_test
