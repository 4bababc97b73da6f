#include "cache/follower.hpp"

#include <gmock/gmock.h>

namespace revoked::cache {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

// Epoch 3, position 100, lease 3 s, time in milliseconds since an arbitrary start.
class FollowerProtocol : public testing::Test {
 protected:
  static Monotonic at(int ms) { return Monotonic(std::chrono::hours(1)) + milliseconds(ms); }
  static Message message(Sequence first, Sequence last, std::vector<Sequence> revoked = {}, Epoch epoch = 3) {
    Message m{epoch, first, last, static_cast<UnixMs>(last), {}};
    for (const auto sequence : revoked) {
      auto& event = m.events.emplace_back();
      event.type = Invalidation::Type::key_revoked;
      event.sequence = sequence;
      event.key_id = "k" + std::to_string(sequence);
      event.epoch = epoch;
    }
    return m;
  }
  static Message heartbeat(Sequence last, UnixMs sent, Epoch epoch = 3) {
    return {epoch, last + 1, last, sent, {}};
  }
  static Message unknown(Sequence sequence) {
    auto m = message(sequence, sequence, {sequence});
    m.events[0].type = Invalidation::Type::unknown;
    return m;
  }
  static std::vector<Sequence> applied(const Follower::Actions& actions) {
    std::vector<Sequence> sequences;
    for (const auto& event : actions.apply) sequences.push_back(event.sequence);
    return sequences;
  }
  static bool nothing(const Follower::Actions& actions) {
    return !actions.flush && actions.apply.empty() && !actions.request_after;
  }

  void start(int ms = 0) { follower.on_message(heartbeat(100, 1000), at(ms)); }
  void tick_until(int from, int to) {
    for (int ms = from; ms <= to; ms += 100) follower.tick(at(ms));
  }

  Follower follower{{}};
};

TEST_F(FollowerProtocol, KnowsNothingBeforeTheFirstMessage) {
  EXPECT_FALSE(follower.position());
  EXPECT_FALSE(follower.trusts_cache());
  EXPECT_TRUE(follower.is_stale(at(0)));
  EXPECT_EQ(follower.lease_end(), Monotonic{});
  EXPECT_TRUE(nothing(follower.tick(at(0))));
}

TEST_F(FollowerProtocol, TakesTheFirstMessageAtFaceValueAndFlushesThere) {
  const auto actions = follower.on_message(message(98, 100, {99}), at(0));
  EXPECT_EQ(actions.flush, (Position{3, 100}));
  EXPECT_THAT(actions.apply, IsEmpty());
  EXPECT_FALSE(actions.request_after);
  EXPECT_EQ(follower.position(), (Position{3, 100}));
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_EQ(follower.lease_end(), at(3000));
}

TEST_F(FollowerProtocol, BeginsWhereTheEngineSaysItIsAndAsksBeforeItTrustsIt) {
  const auto actions = follower.on_page({{3, 100}, false, {}}, at(0));
  EXPECT_EQ(actions.flush, (Position{3, 100}));
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
  EXPECT_TRUE(follower.is_stale(at(0)));
  follower.on_page({{3, 100}, false, {}}, at(5));
  EXPECT_EQ(follower.lease_end(), at(3000));
}

TEST_F(FollowerProtocol, AppliesWhatContinuesAndIgnoresWhatItHas) {
  start();
  EXPECT_THAT(applied(follower.on_message(message(101, 103, {101, 103}), at(10))), ElementsAre(101, 103));
  EXPECT_TRUE(nothing(follower.on_message(message(101, 103, {101, 103}), at(20))));
  EXPECT_EQ(follower.position(), (Position{3, 103}));
  EXPECT_EQ(follower.lease_end(), at(3010));
}

TEST_F(FollowerProtocol, AppliesOnlyTheNewPartOfAnOverlap) {
  start();
  EXPECT_THAT(applied(follower.on_message(message(99, 102, {99, 100, 102}), at(10))), ElementsAre(102));
  EXPECT_EQ(follower.position(), (Position{3, 102}));
}

TEST_F(FollowerProtocol, AppliesBeyondAGapAtOnceAndAsksForWhatIsMissing) {
  start();
  const auto actions = follower.on_message(message(103, 104, {104}), at(10));
  EXPECT_THAT(applied(actions), ElementsAre(104));
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
  EXPECT_FALSE(follower.trusts_cache());
  EXPECT_EQ(follower.position(), (Position{3, 100}));
  EXPECT_EQ(follower.lease_end(), at(3000));
}

TEST_F(FollowerProtocol, ClosesAGapWithAPageAndCountsTheLeaseFromTheQuestion) {
  start();
  follower.on_message(message(103, 104, {104}), at(10));
  const auto actions = follower.on_page({{3, 102}, false, {message(101, 102, {101})}}, at(50));
  EXPECT_THAT(applied(actions), ElementsAre(101));
  EXPECT_EQ(follower.position(), (Position{3, 104}));
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_EQ(follower.lease_end(), at(3010));
}

TEST_F(FollowerProtocol, ClosesAGapWithALateMessage) {
  start();
  follower.on_message(message(103, 104, {104}), at(10));
  EXPECT_THAT(applied(follower.on_message(message(101, 102, {102}), at(20))), ElementsAre(102));
  EXPECT_EQ(follower.position(), (Position{3, 104}));
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_EQ(follower.lease_end(), at(3020));
}

TEST_F(FollowerProtocol, KeepsUpWithABusyBusWhileItRepairs) {
  start();
  follower.on_message(message(102, 102), at(1));
  for (Sequence s = 103; s < 200; ++s) follower.on_message(message(s, s), at(2));
  follower.on_page({{3, 150}, false, {message(101, 150)}}, at(3));
  EXPECT_EQ(follower.position(), (Position{3, 199}));
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, ReadsPageAfterPage) {
  start();
  follower.on_message(heartbeat(104, 2000), at(10));
  auto actions = follower.on_page({{3, 102}, true, {message(101, 102, {101})}}, at(20));
  EXPECT_THAT(applied(actions), ElementsAre(101));
  EXPECT_EQ(actions.request_after, (Position{3, 102}));
  EXPECT_FALSE(follower.trusts_cache());
  actions = follower.on_page({{3, 104}, false, {message(103, 104, {104})}}, at(30));
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_EQ(follower.lease_end(), at(3020));
}

TEST_F(FollowerProtocol, DoesNotBelieveAPageWithAHole) {
  start();
  follower.on_message(heartbeat(104, 2000), at(10));
  const auto actions = follower.on_page({{3, 104}, false, {message(103, 104, {104})}}, at(20));
  EXPECT_THAT(actions.apply, IsEmpty());
  EXPECT_FALSE(follower.trusts_cache());
  EXPECT_EQ(follower.position(), (Position{3, 100}));
  EXPECT_FALSE(actions.request_after);
  EXPECT_EQ(follower.tick(at(120)).request_after, (Position{3, 100}));
}

TEST_F(FollowerProtocol, DoesNotBelieveAPageThatEndsBeyondItsMessages) {
  start();
  follower.on_message(heartbeat(101, 2000), at(10));
  follower.on_page({{3, 110}, false, {message(101, 101)}}, at(20));
  EXPECT_EQ(follower.position(), (Position{3, 101}));
  EXPECT_FALSE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, HoldsNoRepairDoneBeforeEverythingHeardOfIsThere) {
  start();
  follower.on_message(heartbeat(102, 2000), at(10));
  follower.on_message(heartbeat(105, 3000), at(15));
  follower.on_page({{3, 102}, false, {message(101, 102)}}, at(20));
  EXPECT_FALSE(follower.trusts_cache());
  EXPECT_EQ(follower.lease_end(), at(3000));
}

TEST_F(FollowerProtocol, IgnoresAPageItDidNotAskFor) {
  start();
  EXPECT_TRUE(nothing(follower.on_page({{3, 101}, false, {message(101, 101, {101})}}, at(10))));
  EXPECT_EQ(follower.position(), (Position{3, 100}));
}

TEST_F(FollowerProtocol, AsksAgainWhenAnAnswerDoesNotCome) {
  start();
  follower.on_message(heartbeat(102, 2000), at(0));
  for (int ms = 100; ms < 2000; ms += 100) EXPECT_FALSE(follower.tick(at(ms)).request_after);
  EXPECT_EQ(follower.tick(at(2000)).request_after, (Position{3, 100}));
}

TEST_F(FollowerProtocol, CountsTheLeaseFromTheFirstOfSeveralOpenQuestions) {
  start();
  follower.on_message(heartbeat(102, 2000), at(100));
  tick_until(100, 2100);  // asks again at 2100
  follower.on_page({{3, 102}, false, {message(101, 102)}}, at(2110));
  EXPECT_EQ(follower.lease_end(), at(3100));
}

TEST_F(FollowerProtocol, AsksAgainLaterAfterAFailure) {
  start();
  follower.on_message(heartbeat(102, 2000), at(0));
  EXPECT_TRUE(nothing(follower.on_page_failed(at(10))));
  EXPECT_FALSE(follower.on_message(heartbeat(103, 3000), at(20)).request_after);
  EXPECT_EQ(follower.tick(at(110)).request_after, (Position{3, 100}));
}

TEST_F(FollowerProtocol, DeniesEverythingUncoveredOnceItsLeaseIsOver) {
  start();
  EXPECT_FALSE(follower.is_stale(at(2999)));
  EXPECT_TRUE(follower.is_stale(at(3000)));
}

TEST_F(FollowerProtocol, ExtendsTheLeaseWithNewHeartbeatsOnly) {
  start();
  follower.on_message(heartbeat(100, 2000), at(900));
  EXPECT_EQ(follower.lease_end(), at(3900));
  follower.on_message(heartbeat(100, 2000), at(1500));
  follower.on_message(heartbeat(100, 1500), at(1500));
  EXPECT_EQ(follower.lease_end(), at(3900));
}

TEST_F(FollowerProtocol, ExtendsTheLeaseWithNoHeartbeatThatLiesBehindIt) {
  start();
  follower.on_message(message(101, 105), at(10));
  const auto actions = follower.on_message(heartbeat(103, 5000), at(500));
  EXPECT_EQ(follower.lease_end(), at(3010));
  // One of the two is wrong: the engine knows which.
  EXPECT_EQ(actions.request_after, (Position{3, 105}));
  follower.on_page_gone({3, 103}, at(510));
  EXPECT_EQ(follower.position(), (Position{3, 103}));
}

TEST_F(FollowerProtocol, AsksTheEngineBeforeTheLeaseEnds) {
  start();
  tick_until(100, 1900);
  EXPECT_EQ(follower.tick(at(2000)).request_after, (Position{3, 100}));
  EXPECT_TRUE(follower.trusts_cache());
  follower.on_page({{3, 100}, false, {}}, at(2020));
  EXPECT_EQ(follower.lease_end(), at(5000));
}

TEST_F(FollowerProtocol, IsNotRevivedByOldMessagesAfterAPause) {
  start();
  auto actions = follower.on_message(heartbeat(100, 2000), at(10'000));
  EXPECT_TRUE(follower.is_stale(at(10'000)));
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
  actions = follower.on_message(message(101, 101, {101}), at(10'001));
  EXPECT_THAT(applied(actions), ElementsAre(101));
  EXPECT_TRUE(follower.is_stale(at(10'001)));
  follower.on_page({{3, 101}, false, {message(101, 101, {101})}}, at(10'020));
  EXPECT_EQ(follower.lease_end(), at(13'000));
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, IsNotRevivedByAMessageOnceStale) {
  start();
  tick_until(100, 2900);
  follower.on_page_failed(at(2950));
  tick_until(3000, 4000);
  follower.on_message(heartbeat(100, 2000), at(4010));
  EXPECT_TRUE(follower.is_stale(at(4010)));
  follower.on_page({{3, 100}, false, {}}, at(4020));  // asked at 3100
  EXPECT_EQ(follower.lease_end(), at(6100));
}

TEST_F(FollowerProtocol, DoubtsItsInboxAfterAPauseShorterThanTheLease) {
  start();
  const auto actions = follower.on_message(heartbeat(100, 2000), at(2500));
  EXPECT_EQ(follower.lease_end(), at(3000));
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
}

TEST_F(FollowerProtocol, IsNotRevivedByAnAnswerFromBeforeThePause) {
  start();
  follower.on_message(heartbeat(102, 2000), at(0));
  follower.tick(at(60'000));
  follower.on_page({{3, 102}, false, {message(101, 102)}}, at(60'000));
  EXPECT_EQ(follower.position(), (Position{3, 102}));
  EXPECT_TRUE(follower.is_stale(at(60'000)));
}

TEST_F(FollowerProtocol, IgnoresOlderEpochs) {
  start();
  EXPECT_TRUE(nothing(follower.on_message(message(101, 101, {101}, 2), at(10))));
  EXPECT_TRUE(nothing(follower.on_message(heartbeat(500, 9000, 2), at(10))));
  EXPECT_EQ(follower.lease_end(), at(3000));
}

TEST_F(FollowerProtocol, TakesNoNewEpochAsAContinuation) {
  start();
  const auto actions = follower.on_message(message(101, 102, {102}, 4), at(10));
  EXPECT_THAT(applied(actions), ElementsAre(102));
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
  EXPECT_FALSE(follower.trusts_cache());
  // What is left of the old epoch on the bus no longer counts.
  EXPECT_TRUE(nothing(follower.on_message(message(101, 101, {101}, 3), at(20))));
}

TEST_F(FollowerProtocol, CrossesIntoANewEpochWithAPage) {
  start();
  follower.on_message(message(103, 104, {104}, 4), at(10));
  const auto actions =
      follower.on_page({{4, 104}, false, {message(101, 102, {101}), message(103, 104, {104}, 4)}}, at(20));
  EXPECT_FALSE(actions.flush);
  EXPECT_THAT(applied(actions), ElementsAre(101));
  EXPECT_EQ(follower.position(), (Position{4, 104}));
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, StartsAfreshWhenItRanAhead) {
  start();
  follower.on_message(heartbeat(99, 5000, 4), at(10));
  const auto actions = follower.on_page_gone({4, 99}, at(20));
  EXPECT_EQ(actions.flush, (Position{4, 99}));
  EXPECT_EQ(follower.position(), (Position{4, 99}));
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_EQ(follower.lease_end(), at(3010));
}

TEST_F(FollowerProtocol, StartsAfreshWhenItRanAheadWhileThePageWasOnItsWay) {
  start();
  follower.on_message(heartbeat(102, 2000), at(10));
  follower.on_message(message(101, 103, {103}), at(20));
  // Asked after 3-100: what it says of the new epoch's beginning shows that 101 to 103 are lost.
  const auto actions = follower.on_page({{4, 102}, false, {message(101, 102, {102}, 4)}}, at(30));
  EXPECT_EQ(actions.flush, (Position{4, 102}));
  EXPECT_EQ(follower.position(), (Position{4, 102}));
}

TEST_F(FollowerProtocol, KeepsAskingWhenMoreWasHeardThanTheEngineHadWhenItStartedAfresh) {
  start();
  follower.on_message(message(105, 105, {105}, 4), at(10));
  const auto actions = follower.on_page_gone({4, 103}, at(20));
  EXPECT_EQ(actions.flush, (Position{4, 103}));
  EXPECT_FALSE(follower.trusts_cache());
  EXPECT_EQ(follower.tick(at(120)).request_after, (Position{4, 103}));
  EXPECT_THAT(applied(follower.on_page({{4, 105}, false, {message(104, 105, {105}, 4)}}, at(130))),
              ElementsAre(105));
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, FlushesInsteadOfReadingTooLargeAGap) {
  start();
  const auto actions = follower.on_message(heartbeat(100 + 100'001, 2000), at(10));
  EXPECT_EQ(actions.flush, (Position{3, 100'101}));
  EXPECT_FALSE(actions.request_after);
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, FlushesForAnEventItDoesNotKnow) {
  start();
  EXPECT_EQ(follower.on_message(unknown(101), at(10)).flush, (Position{3, 101}));
  EXPECT_EQ(follower.on_message(unknown(105), at(20)).flush, (Position{3, 105}));
  EXPECT_TRUE(follower.trusts_cache());
  follower.on_message(heartbeat(107, 5000), at(30));
  EXPECT_EQ(follower.on_page({{3, 107}, false, {message(106, 106), unknown(107)}}, at(40)).flush,
            (Position{3, 107}));
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, RefusesMessagesThatWouldOverflow) {
  start();
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  EXPECT_TRUE(nothing(follower.on_message({3, 101, most, 0, {}}, at(1))));
  EXPECT_TRUE(nothing(follower.on_message({3, 0, most, 0, {}}, at(1))));
  EXPECT_TRUE(nothing(follower.on_message({3, 500, 101, 0, {}}, at(1))));
  EXPECT_TRUE(nothing(follower.on_message({0, 101, 101, 0, {}}, at(1))));
  EXPECT_TRUE(nothing(follower.on_message({3, 0, 0, 0, {}}, at(1))));
  EXPECT_EQ(follower.position(), (Position{3, 100}));
}

TEST_F(FollowerProtocol, RecoversFromAForgedPosition) {
  start();
  follower.on_message(heartbeat(std::uint64_t{1} << 60, 9000), at(10));
  EXPECT_EQ(follower.position(), (Position{3, std::uint64_t{1} << 60}));
  tick_until(100, 1000);
  follower.on_message(heartbeat(100, 9100), at(1100));  // the engine's own
  follower.on_page_gone({3, 100}, at(1120));
  for (int ms = 1200; ms < 4000; ms += 100) {
    if (follower.tick(at(ms)).request_after) follower.on_page({{3, 100}, false, {}}, at(ms + 5));
  }
  EXPECT_EQ(follower.position(), (Position{3, 100}));
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, RecoversFromAForgedEpoch) {
  start();
  follower.on_message(heartbeat(100, 9000, std::uint64_t{1} << 60), at(10));
  EXPECT_FALSE(follower.trusts_cache());
  follower.on_page({{3, 100}, false, {}}, at(20));
  EXPECT_FALSE(follower.trusts_cache());
  for (int ms = 100; ms < 4000; ms += 100) {
    if (follower.tick(at(ms)).request_after) follower.on_page({{3, 100}, false, {}}, at(ms + 5));
  }
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_FALSE(follower.is_stale(at(4000)));
  follower.on_message(message(101, 101, {101}), at(4000));
  EXPECT_EQ(follower.position(), (Position{3, 101}));
}

}  // namespace
}  // namespace revoked::cache
