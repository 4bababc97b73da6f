#include "tests/cache/edge/follower_harness.hpp"

#include <gmock/gmock.h>

#include <limits>

namespace revoked::cache::follower_origin_test {

using follower_harness::FollowerProtocol;
using testing::ElementsAre;
using testing::IsEmpty;

class PinnedFollower : public FollowerProtocol {
 protected:
  static Message of(std::string journal, Message m) {
    m.journal = std::move(journal);
    return m;
  }
  static Page of(std::string journal, Page p) {
    p.journal = journal;
    for (auto& m : p.messages) m.journal = journal;
    return p;
  }
  void SetUp() override {
    follower.on_page(of("j3", page({3, 100}, 0)), at(0));
    follower.on_page(of("j3", page({3, 100}, 0)), at(0));
  }
};

TEST_F(PinnedFollower, P14GenuineIgnoresAndCountsMessagesOfAnotherEngineAndAsksItsOwn) {
  ASSERT_FALSE(follower.is_stale(at(1)));
  const auto actions = follower.on_message(of("other", message(101, 101, {101})), signed_bus, at(10));
  EXPECT_THAT(actions.apply, IsEmpty());
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
  EXPECT_EQ(follower.foreign_messages(), 1u);
  follower.on_page(of("j3", page({3, 100}, 12)), at(12));
  // The genuine message has the same sequences.
  EXPECT_THAT(applied(follower.on_message(of("j3", message(101, 101, {101})), signed_bus, at(20))),
              ElementsAre(101));
}

TEST_F(PinnedFollower, P14GenuineRequestsPagesAtABoundedRateHoweverMuchAnotherEngineSends) {
  int pages = 0;
  for (int ms = 1; ms <= 10'000; ++ms) {
    auto wanted = follower.on_message(of("other", heartbeat(500, ms)), bus, at(ms)).request_after;
    if (!wanted && ms % 50 == 0) wanted = follower.tick(at(ms)).request_after;
    if (!wanted) continue;
    ++pages;
    follower.on_page(of("j3", page({3, 100}, ms)), at(ms));
    EXPECT_TRUE(follower.trusts_cache());
    EXPECT_FALSE(follower.is_stale(at(ms)));
  }
  EXPECT_GE(pages, 10);
  EXPECT_LE(pages, 20);
  EXPECT_EQ(follower.foreign_messages(), 10'000u);
}

TEST_F(PinnedFollower, P14GenuineFollowsItsEngineIntoANewEpoch) {
  const auto first = follower.on_message(of("j4", message(101, 102, {102}, 4)), signed_bus, at(10));
  EXPECT_EQ(first.request_after, (Position{3, 100}));
  EXPECT_EQ(follower.journal(), "j3");
  const auto actions = follower.on_page(of("j4", page({4, 102}, 15, {message(101, 102, {102}, 4)})), at(15));
  EXPECT_FALSE(actions.flush);
  EXPECT_THAT(applied(actions), ElementsAre(102));
  EXPECT_EQ(follower.journal(), "j4");
  EXPECT_THAT(applied(follower.on_message(of("j4", message(103, 103, {103}, 4)), signed_bus, at(20))),
              ElementsAre(103));
  follower.on_message(of("j3", message(104, 104, {104}, 4)), signed_bus, at(30));
  EXPECT_EQ(follower.position(), (Position{4, 103}));
}

TEST_F(PinnedFollower, P14GenuineRestartsInARestoredOlderCopyWhateverItsNumbersAre) {
  follower.on_message(of("j3", sent(message(101, 150), 10)), from_engine, at(10));
  // The copy is older; its engine is in an epoch of the same number, with other events at the same sequences.
  for (const Position copy : {Position{3, 90}, Position{3, 150}, Position{3, 170}, Position{2, 400}}) {
    follower.on_message(of("copy", heartbeat(1000, 20)), bus, at(20));
    const auto actions = follower.on_page_gone(of("copy", page(copy, 30)), at(30));
    EXPECT_EQ(actions.flush, copy);
    EXPECT_EQ(follower.position(), copy);
    EXPECT_EQ(follower.journal(), "copy");
    EXPECT_TRUE(follower.trusts_cache());
    EXPECT_FALSE(follower.is_stale(at(40)));
    follower = Follower({});
    SetUp();
    follower.on_message(of("j3", sent(message(101, 150), 10)), from_engine, at(10));
  }
}

TEST_F(PinnedFollower, P14GenuineRestartsWhenAPageIsOfAnotherJournal) {
  follower.on_message(of("j3", heartbeat(102, 10)), from_engine, at(10));
  EXPECT_EQ(follower.on_page(of("copy", page({3, 102}, 20, {message(101, 102, {101})})), at(20)).flush,
            (Position{3, 102}));
  EXPECT_EQ(follower.journal(), "copy");
}

TEST_F(PinnedFollower, IsNotTakenBackByALatePageOfTheEpochBefore) {
  follower.on_message(of("j3", heartbeat(102, 10)), from_engine, at(10));
  follower.on_message(of("j4", message(103, 103, {}, 4)), from_engine, at(20));
  const auto actions = follower.on_page(of("j3", page({3, 102}, 12, {message(101, 102)})), at(30));
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
  EXPECT_FALSE(follower.trusts_cache());
  EXPECT_EQ(follower.engine_journal(), "j4");
}

TEST_F(PinnedFollower, DropsWhatItAppliedOfAHistoryThatIsNoLongerItsEngines) {
  follower.on_message(of("j5", message(105, 105, {105}, 5)), from_engine, at(10));
  const auto actions = follower.on_page(of("j4", page({4, 101}, 20, {message(101, 101, {}, 4)})), at(20));
  EXPECT_EQ(actions.flush, (Position{4, 101}));
  EXPECT_EQ(follower.journal(), "j4");
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(PinnedFollower, P14GenuineAnAnswerOfAnotherJournalMakesItRequestAPage) {
  EXPECT_EQ(follower.on_decision({3, 100}, "j4", at(10)).request_after, (Position{3, 100}));
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(PinnedFollower, P14GenuineAnUnsignedMessageMakesItRequestAPageAndMovesNothing) {
  const auto actions = follower.on_message(of("j3", sent(message(101, 101, {101}), 10)), bus, at(10));
  EXPECT_THAT(actions.apply, IsEmpty());
  ASSERT_EQ(actions.recheck.size(), 1u);
  EXPECT_EQ(actions.recheck[0].key_id, "k101");
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
  EXPECT_EQ(follower.position(), (Position{3, 100}));
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_EQ(follower.lease_end(), at(3000));
  EXPECT_THAT(applied(follower.on_page(of("j3", page({3, 101}, 12, {message(101, 101, {101})})), at(12))),
              ElementsAre(101));
  EXPECT_TRUE(nothing(follower.on_message(of("j3", message(101, 101, {101})), bus, at(20))));
}

TEST_F(PinnedFollower, AnUnsignedMessageMakesItReadNoPagesWhileTheEnginesStreamIsConnected) {
  follower.set_fed(true);
  const auto actions = follower.on_message(of("j3", sent(message(101, 101, {101}), 10)), bus, at(10));
  EXPECT_EQ(actions.recheck.size(), 1u);
  EXPECT_FALSE(actions.request_after);
  EXPECT_FALSE(follower.tick(at(100)).request_after);
  follower.set_fed(false);
  EXPECT_TRUE(follower.on_message(of("j3", sent(heartbeat(102, 110), 110)), bus, at(110)).request_after);
}

TEST_F(PinnedFollower, P14GenuineForgeriesCostPagesAtABoundedRateAndNothingElse) {
  const Sequence huge = std::uint64_t{1} << 62;
  int pages = 0;
  for (int ms = 1; ms <= 10'000; ++ms) {
    auto forged = heartbeat(ms % 2 == 0 ? huge : 101, ms);
    forged.at = 253'402'300'799'000;  // in the year 9999
    if (ms % 3 == 0) forged.up = std::numeric_limits<std::int64_t>::max();
    if (ms % 5 == 0) forged.epoch = std::numeric_limits<std::int64_t>::max();
    auto wanted = follower.on_message(of("j3", forged), bus, at(ms)).request_after;
    if (!wanted && ms % 50 == 0) wanted = follower.tick(at(ms)).request_after;
    EXPECT_TRUE(follower.trusts_cache());
    EXPECT_FALSE(follower.is_stale(at(ms)));
    EXPECT_EQ(follower.position(), (Position{3, 100}));
    EXPECT_EQ(follower.engine_time(at(ms)), wall_at(ms));
    if (!wanted) continue;
    ++pages;
    EXPECT_FALSE(follower.on_page(of("j3", page({3, 100}, ms)), at(ms)).flush);
  }
  EXPECT_LE(pages, 20);
  // And its genuine messages are still processed.
  EXPECT_EQ(follower.on_message(of("j3", message(101, 101, {101})), bus, at(10'001)).recheck.size(), 1u);
}

TEST_F(PinnedFollower, P14GenuineASilentEngineIsNotReplacedByAForger) {
  for (int ms = 100; ms < 4000; ms += 100) {
    if (follower.on_message(of("j3", heartbeat(100, ms)), bus, at(ms)).request_after) {
      follower.on_page_failed(at(ms));
    }
    if (follower.tick(at(ms)).request_after) follower.on_page_failed(at(ms));
  }
  EXPECT_TRUE(follower.is_stale(at(4000)));
}

TEST_F(PinnedFollower, AnUnreadableMessageMakesItRequestAPage) {
  EXPECT_EQ(follower.on_unreadable(bus, at(10)).request_after, (Position{3, 100}));
  EXPECT_TRUE(follower.trusts_cache());
}

}  // namespace revoked::cache::follower_origin_test
