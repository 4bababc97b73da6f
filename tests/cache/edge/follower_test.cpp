#include "cache/edge/follower.hpp"

#include <gmock/gmock.h>

namespace revoked::cache::follower_test {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

// Epoch 3, position 100, lease 3 s, time in milliseconds since an arbitrary start.
class FollowerProtocol : public testing::Test {
 protected:
  static Monotonic at(int ms) { return Monotonic(std::chrono::hours(1)) + milliseconds(ms); }
  static constexpr auto from_engine = Follower::Source::engine;
  static constexpr auto signed_bus = Follower::Source::signed_bus;
  static constexpr auto bus = Follower::Source::bus;

  // The engine's clocks at `ms`: it has run for 500 s, and its wall clock is an hour ahead.
  static std::uint64_t up_at(int ms) { return static_cast<std::uint64_t>(500'000 + ms); }
  static UnixMs wall_at(int ms) { return 3'600'000'000 + ms; }
  static Message sent(Message m, int ms) {
    m.up = up_at(ms);
    m.at = wall_at(ms);
    return m;
  }
  // A page that the engine sends at `ms`.
  static Page page(Position position, int ms, std::vector<Message> messages = {}, bool more = false) {
    return {position, more, std::move(messages), {}, {}, wall_at(ms), up_at(ms)};
  }
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
  static Message heartbeat(Sequence last, int sent_at, Epoch epoch = 3) {
    return sent({epoch, last + 1, last, 0, {}}, sent_at);
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
    return !actions.flush && actions.apply.empty() && actions.doubt.empty() && !actions.request_after;
  }

  void start(int ms = 0) {
    follower.on_page(page({3, 100}, ms), at(ms));
    follower.on_page(page({3, 100}, ms), at(ms));
  }
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

TEST_F(FollowerProtocol, TakesTheFirstMessageAtFaceValueFlushesThereAndAsks) {
  const auto actions = follower.on_message(sent(message(98, 100, {99}), 0), from_engine, at(0));
  EXPECT_EQ(actions.flush, (Position{3, 100}));
  EXPECT_THAT(actions.apply, IsEmpty());
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
  EXPECT_EQ(follower.position(), (Position{3, 100}));
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_TRUE(follower.is_stale(at(0))) << "its age is not known yet";
  follower.on_page(page({3, 100}, 5), at(10));
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
  EXPECT_THAT(applied(follower.on_message(sent(message(101, 103, {101, 103}), 10), from_engine, at(10))),
              ElementsAre(101, 103));
  EXPECT_TRUE(nothing(follower.on_message(message(101, 103, {101, 103}), from_engine, at(20))));
  EXPECT_EQ(follower.position(), (Position{3, 103}));
  EXPECT_EQ(follower.lease_end(), at(3010));
}

TEST_F(FollowerProtocol, AppliesOnlyTheNewPartOfAnOverlap) {
  start();
  EXPECT_THAT(applied(follower.on_message(message(99, 102, {99, 100, 102}), from_engine, at(10))),
              ElementsAre(102));
  EXPECT_EQ(follower.position(), (Position{3, 102}));
}

TEST_F(FollowerProtocol, AppliesBeyondAGapAtOnceAndAsksForWhatIsMissing) {
  start();
  const auto actions = follower.on_message(message(103, 104, {104}), from_engine, at(10));
  EXPECT_THAT(applied(actions), ElementsAre(104));
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
  EXPECT_FALSE(follower.trusts_cache());
  EXPECT_EQ(follower.position(), (Position{3, 100}));
  EXPECT_EQ(follower.lease_end(), at(3000));
}

TEST_F(FollowerProtocol, ClosesAGapWithAPageAndCountsTheLeaseFromTheQuestion) {
  start();
  follower.on_message(message(103, 104, {104}), from_engine, at(10));
  const auto actions = follower.on_page({{3, 102}, false, {message(101, 102, {101})}}, at(50));
  EXPECT_THAT(applied(actions), ElementsAre(101));
  EXPECT_EQ(follower.position(), (Position{3, 104}));
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_EQ(follower.lease_end(), at(3010));
}

TEST_F(FollowerProtocol, ClosesAGapWithALateMessage) {
  start();
  follower.on_message(message(103, 104, {104}), from_engine, at(10));
  EXPECT_THAT(applied(follower.on_message(sent(message(101, 102, {102}), 20), from_engine, at(20))),
              ElementsAre(102));
  EXPECT_EQ(follower.position(), (Position{3, 104}));
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_EQ(follower.lease_end(), at(3020));
}

TEST_F(FollowerProtocol, KeepsUpWithABusyBusWhileItRepairs) {
  start();
  follower.on_message(message(102, 102), from_engine, at(1));
  for (Sequence s = 103; s < 200; ++s) follower.on_message(message(s, s), from_engine, at(2));
  follower.on_page({{3, 150}, false, {message(101, 150)}}, at(3));
  EXPECT_EQ(follower.position(), (Position{3, 199}));
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, ReadsPageAfterPage) {
  start();
  follower.on_message(heartbeat(104, 10), from_engine, at(10));
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
  follower.on_message(heartbeat(104, 10), from_engine, at(10));
  const auto actions = follower.on_page({{3, 104}, false, {message(103, 104, {104})}}, at(20));
  EXPECT_THAT(actions.apply, IsEmpty());
  EXPECT_FALSE(follower.trusts_cache());
  EXPECT_EQ(follower.position(), (Position{3, 100}));
  EXPECT_FALSE(actions.request_after);
  EXPECT_EQ(follower.tick(at(120)).request_after, (Position{3, 100}));
}

TEST_F(FollowerProtocol, StartsAfreshBehindAHoleThatStays) {
  start();
  follower.on_message(heartbeat(104, 10), from_engine, at(10));
  Follower::Actions actions;
  int pages = 0;
  int ms = 20;
  for (; !actions.flush && ms < 3000; ms += 10) {
    if (ms != 20 && !follower.tick(at(ms)).request_after) continue;
    ++pages;
    actions = follower.on_page(page({3, 104}, ms, {message(103, 104, {104})}), at(ms));
  }
  EXPECT_EQ(pages, 6) << "messages in flight have had time to arrive";
  EXPECT_EQ(actions.flush, (Position{3, 104}));
  EXPECT_EQ(follower.position(), (Position{3, 104}));
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, DoesNotBelieveAPageThatEndsBeyondItsMessages) {
  start();
  follower.on_message(heartbeat(101, 10), from_engine, at(10));
  follower.on_page({{3, 110}, false, {message(101, 101)}}, at(20));
  EXPECT_EQ(follower.position(), (Position{3, 101}));
  EXPECT_FALSE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, HoldsNoRepairDoneBeforeEverythingHeardOfIsThere) {
  start();
  follower.on_message(heartbeat(102, 10), from_engine, at(10));
  follower.on_message(heartbeat(105, 15), from_engine, at(15));
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
  follower.on_message(heartbeat(102, 0), from_engine, at(0));
  for (int ms = 100; ms < 2000; ms += 100) EXPECT_FALSE(follower.tick(at(ms)).request_after);
  EXPECT_EQ(follower.tick(at(2000)).request_after, (Position{3, 100}));
}

TEST_F(FollowerProtocol, CountsTheLeaseFromTheFirstOfSeveralOpenQuestions) {
  start();
  follower.on_message(heartbeat(102, 100), from_engine, at(100));
  tick_until(100, 2100);  // asks again at 2100
  follower.on_page({{3, 102}, false, {message(101, 102)}}, at(2110));
  EXPECT_EQ(follower.lease_end(), at(3100));
}

TEST_F(FollowerProtocol, AsksAgainLaterAfterAFailure) {
  start();
  follower.on_message(heartbeat(102, 0), from_engine, at(0));
  EXPECT_TRUE(nothing(follower.on_page_failed(at(10))));
  EXPECT_FALSE(follower.on_message(heartbeat(103, 20), from_engine, at(20)).request_after);
  EXPECT_EQ(follower.tick(at(110)).request_after, (Position{3, 100}));
}

TEST_F(FollowerProtocol, DeniesEverythingUncoveredOnceItsLeaseIsOver) {
  start();
  EXPECT_FALSE(follower.is_stale(at(2999)));
  EXPECT_TRUE(follower.is_stale(at(3000)));
}

TEST_F(FollowerProtocol, ExtendsTheLeaseWithNewHeartbeatsOnly) {
  start();
  follower.on_message(heartbeat(100, 900), from_engine, at(900));
  EXPECT_EQ(follower.lease_end(), at(3900));
  follower.on_message(heartbeat(100, 900), from_engine, at(1500));
  follower.on_message(heartbeat(100, 800), from_engine, at(1500));
  EXPECT_EQ(follower.lease_end(), at(3900));
}

TEST_F(FollowerProtocol, ExtendsTheLeaseWithNoHeartbeatThatLiesBehindIt) {
  start();
  follower.on_message(sent(message(101, 105), 10), from_engine, at(10));
  const auto actions = follower.on_message(heartbeat(103, 500), from_engine, at(500));
  EXPECT_EQ(follower.lease_end(), at(3010));
  // One of the two is wrong: the engine decides.
  EXPECT_EQ(actions.request_after, (Position{3, 105}));
  follower.on_page_gone({{3, 103}, false, {}}, at(510));
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
  auto actions = follower.on_message(heartbeat(100, 10'000), from_engine, at(10'000));
  EXPECT_TRUE(follower.is_stale(at(10'000)));
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
  actions = follower.on_message(message(101, 101, {101}), from_engine, at(10'001));
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
  follower.on_message(heartbeat(100, 4010), from_engine, at(4010));
  EXPECT_TRUE(follower.is_stale(at(4010)));
  follower.on_page({{3, 100}, false, {}}, at(4020));  // asked at 3100
  EXPECT_EQ(follower.lease_end(), at(6100));
}

TEST_F(FollowerProtocol, DoubtsItsInboxAfterAPauseShorterThanTheLease) {
  start();
  const auto actions = follower.on_message(heartbeat(100, 2500), from_engine, at(2500));
  EXPECT_EQ(follower.lease_end(), at(3000));
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
}

TEST_F(FollowerProtocol, IsNotRevivedByAnAnswerFromBeforeThePause) {
  start();
  follower.on_message(heartbeat(102, 0), from_engine, at(0));
  follower.tick(at(60'000));
  follower.on_page({{3, 102}, false, {message(101, 102)}}, at(60'000));
  EXPECT_EQ(follower.position(), (Position{3, 102}));
  EXPECT_TRUE(follower.is_stale(at(60'000)));
}

TEST_F(FollowerProtocol, IgnoresOlderEpochs) {
  start();
  EXPECT_TRUE(nothing(follower.on_message(message(101, 101, {101}, 2), from_engine, at(10))));
  EXPECT_TRUE(nothing(follower.on_message(heartbeat(500, 10, 2), from_engine, at(10))));
  EXPECT_EQ(follower.lease_end(), at(3000));
}

TEST_F(FollowerProtocol, TakesNoNewEpochAsAContinuation) {
  start();
  const auto actions = follower.on_message(message(101, 102, {102}, 4), from_engine, at(10));
  EXPECT_THAT(applied(actions), ElementsAre(102));
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
  EXPECT_FALSE(follower.trusts_cache());
  // Messages of the old epoch still on the bus are ignored.
  EXPECT_TRUE(nothing(follower.on_message(message(101, 101, {101}, 3), from_engine, at(20))));
}

TEST_F(FollowerProtocol, CrossesIntoANewEpochWithAPage) {
  start();
  follower.on_message(message(103, 104, {104}, 4), from_engine, at(10));
  const auto actions =
      follower.on_page({{4, 104}, false, {message(101, 102, {101}), message(103, 104, {104}, 4)}}, at(20));
  EXPECT_FALSE(actions.flush);
  EXPECT_THAT(applied(actions), ElementsAre(101));
  EXPECT_EQ(follower.position(), (Position{4, 104}));
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, StartsAfreshWhenItRanAhead) {
  start();
  follower.on_message(heartbeat(99, 10, 4), from_engine, at(10));
  const auto actions = follower.on_page_gone({{4, 99}, false, {}}, at(20));
  EXPECT_EQ(actions.flush, (Position{4, 99}));
  EXPECT_EQ(follower.position(), (Position{4, 99}));
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_EQ(follower.lease_end(), at(3010));
}

TEST_F(FollowerProtocol, StartsAfreshWhenItRanAheadWhileThePageWasOnItsWay) {
  start();
  follower.on_message(heartbeat(102, 10), from_engine, at(10));
  follower.on_message(message(101, 103, {103}), from_engine, at(20));
  // Requested after 3-100: the beginning of the new epoch shows that 101 to 103 are lost.
  const auto actions = follower.on_page({{4, 102}, false, {message(101, 102, {102}, 4)}}, at(30));
  EXPECT_EQ(actions.flush, (Position{4, 102}));
  EXPECT_EQ(follower.position(), (Position{4, 102}));
}

TEST_F(FollowerProtocol, KeepsAskingWhenMoreWasHeardThanTheEngineHadWhenItStartedAfresh) {
  start();
  follower.on_message(message(105, 105, {105}, 4), from_engine, at(10));
  const auto actions = follower.on_page_gone({{4, 103}, false, {}}, at(20));
  EXPECT_EQ(actions.flush, (Position{4, 103}));
  EXPECT_FALSE(follower.trusts_cache());
  EXPECT_EQ(follower.tick(at(120)).request_after, (Position{4, 103}));
  EXPECT_THAT(applied(follower.on_page({{4, 105}, false, {message(104, 105, {105}, 4)}}, at(130))),
              ElementsAre(105));
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, FlushesInsteadOfReadingTooLargeAGap) {
  start();
  const auto actions = follower.on_message(heartbeat(100 + 100'001, 10), from_engine, at(10));
  EXPECT_EQ(actions.flush, (Position{3, 100'101}));
  EXPECT_FALSE(actions.request_after);
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, FlushesForAnEventItDoesNotKnow) {
  start();
  EXPECT_EQ(follower.on_message(unknown(101), from_engine, at(10)).flush, (Position{3, 101}));
  EXPECT_EQ(follower.on_message(unknown(105), from_engine, at(20)).flush, (Position{3, 105}));
  EXPECT_TRUE(follower.trusts_cache());
  follower.on_message(heartbeat(107, 30), from_engine, at(30));
  EXPECT_EQ(follower.on_page({{3, 107}, false, {message(106, 106), unknown(107)}}, at(40)).flush,
            (Position{3, 107}));
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, RefusesMessagesThatWouldOverflow) {
  start();
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  EXPECT_TRUE(nothing(follower.on_message({3, 101, most, 0, {}}, from_engine, at(1))));
  EXPECT_TRUE(nothing(follower.on_message({3, 0, most, 0, {}}, from_engine, at(1))));
  EXPECT_TRUE(nothing(follower.on_message({3, 500, 101, 0, {}}, from_engine, at(1))));
  EXPECT_TRUE(nothing(follower.on_message({0, 101, 101, 0, {}}, from_engine, at(1))));
  EXPECT_TRUE(nothing(follower.on_message({3, 0, 0, 0, {}}, from_engine, at(1))));
  EXPECT_EQ(follower.position(), (Position{3, 100}));
}

TEST_F(FollowerProtocol, RecoversFromAForgedPosition) {
  start();
  follower.on_message(heartbeat(std::uint64_t{1} << 60, 10), from_engine, at(10));
  EXPECT_EQ(follower.position(), (Position{3, std::uint64_t{1} << 60}));
  tick_until(100, 1000);
  follower.on_message(heartbeat(100, 1100), from_engine, at(1100));  // the engine's own
  follower.on_page_gone({{3, 100}, false, {}}, at(1120));
  for (int ms = 1200; ms < 4000; ms += 100) {
    if (follower.tick(at(ms)).request_after) follower.on_page({{3, 100}, false, {}}, at(ms + 5));
  }
  EXPECT_EQ(follower.position(), (Position{3, 100}));
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, RecoversFromAForgedEpoch) {
  start();
  follower.on_message(heartbeat(100, 10, std::uint64_t{1} << 60), from_engine, at(10));
  EXPECT_FALSE(follower.trusts_cache());
  follower.on_page({{3, 100}, false, {}}, at(20));
  EXPECT_TRUE(follower.trusts_cache()) << "the engine decides";
  for (int ms = 100; ms < 4000; ms += 100) {
    if (follower.tick(at(ms)).request_after) follower.on_page({{3, 100}, false, {}}, at(ms + 5));
  }
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_FALSE(follower.is_stale(at(4000)));
  follower.on_message(message(101, 101, {101}), from_engine, at(4000));
  EXPECT_EQ(follower.position(), (Position{3, 101}));
}

// ---- age of a proof

TEST_F(FollowerProtocol, P5BoundedTheLeaseCountsFromWhenTheEngineSentTheProof) {
  start();
  // Each is delayed by half a second more than the one before: arrivals look fresh, send times get older.
  for (int i = 1; i <= 20; ++i) {
    follower.on_page_failed(at(i * 1000 - 1));
    follower.on_message(heartbeat(100, i * 500), from_engine, at(i * 1000));
    EXPECT_LE(follower.lease_end(), at(i * 500 + 3000));
  }
  EXPECT_TRUE(follower.is_stale(at(7000)));
}

TEST_F(FollowerProtocol, P5BoundedASlowPageMakesTheLeaseShorterAndNeverLonger) {
  start();
  follower.on_message(heartbeat(102, 400), from_engine, at(400));
  // Sent between 400 and 900: its engine clock is valid for 400 at the latest.
  follower.on_page(page({3, 102}, 900, {message(101, 102)}), at(900));
  follower.on_message(heartbeat(102, 1300), from_engine, at(1300));
  EXPECT_GE(follower.lease_end(), at(3800));
  EXPECT_LE(follower.lease_end(), at(4300));
}

TEST_F(FollowerProtocol, P5BoundedATimeThatIsToComeExtendsNothing) {
  start();
  follower.on_message(heartbeat(100, 100'000), from_engine, at(500));
  EXPECT_EQ(follower.lease_end(), at(3000));
  auto far = heartbeat(100, 600);
  far.up = std::numeric_limits<std::int64_t>::max();
  follower.on_message(far, from_engine, at(600));
  EXPECT_EQ(follower.lease_end(), at(3000));
  // It also does not block later messages of the engine.
  follower.on_page(page({3, 100}, 610), at(610));
  follower.on_message(heartbeat(100, 900), from_engine, at(900));
  EXPECT_GE(follower.lease_end(), at(3500));
}

TEST_F(FollowerProtocol, P5BoundedAStepOfTheEnginesWallClockExtendsNothing) {
  start();
  auto stepped = heartbeat(100, 300);
  stepped.at += 3'600'000;
  follower.on_message(stepped, from_engine, at(900));
  EXPECT_EQ(follower.lease_end(), at(3300));
}

TEST_F(FollowerProtocol, P5BoundedWithoutARelationOnlyPagesCount) {
  start();
  follower.on_message(message(101, 101), from_engine, at(500));  // without a send time
  EXPECT_EQ(follower.lease_end(), at(3000));
}

TEST_F(FollowerProtocol, RelatesTheClocksAgainBeforeTheyDrift) {
  start();
  int pages = 0;
  for (int ms = 50; ms <= 61'000; ms += 50) {
    if (ms % 1000 == 0) follower.on_message(heartbeat(100, ms), from_engine, at(ms));
    if (!follower.tick(at(ms)).request_after) continue;
    follower.on_page(page({3, 100}, ms), at(ms));
    ++pages;
  }
  EXPECT_GE(pages, 2);
  EXPECT_LE(pages, 4);
}

TEST_F(FollowerProtocol, KnowsWhatTheEnginesClockShows) {
  EXPECT_FALSE(follower.engine_time(at(0)));
  start();
  EXPECT_EQ(follower.engine_time(at(2500)), wall_at(2500));
  auto stepped = heartbeat(100, 2600);
  stepped.at += 5000;
  follower.on_message(stepped, from_engine, at(2600));
  EXPECT_EQ(follower.engine_time(at(2700)), wall_at(7700));
}

TEST_F(FollowerProtocol, AnAnswerBeyondItsPositionShowsThatItLags) {
  start();
  follower.on_decision({3, 101}, {}, at(10));
  follower.tick(at(60));
  EXPECT_TRUE(follower.trusts_cache()) << "the message may be in flight";
  EXPECT_EQ(follower.tick(at(110)).request_after, (Position{3, 100}));
  EXPECT_FALSE(follower.trusts_cache());
  follower.on_page(page({3, 101}, 120, {message(101, 101, {101})}), at(120));
  EXPECT_TRUE(follower.trusts_cache());
  follower.on_decision({3, 102}, {}, at(200));
  follower.on_message(message(102, 102), from_engine, at(210));
  EXPECT_FALSE(follower.tick(at(400)).request_after);
}

TEST_F(FollowerProtocol, StartsAfreshWhenAnAnswerRanAheadOfTheEngine) {
  start();
  follower.on_decision({3, 5000}, {}, at(10));
  bool flushed = false;
  for (int ms = 100; ms < 5000; ms += 100) {
    if (!follower.tick(at(ms)).request_after) continue;
    flushed |= follower.on_page(page({3, 100}, ms), at(ms + 5)).flush.has_value();
  }
  EXPECT_TRUE(flushed);
  EXPECT_TRUE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, StartsAfreshWhenAPageEndsBehindWhereItAsked) {
  start();
  follower.on_message(sent(message(101, 105, {105}), 10), from_engine, at(10));
  follower.on_message(heartbeat(107, 20), from_engine, at(20));
  const auto actions = follower.on_page(page({3, 103}, 30), at(30));
  EXPECT_EQ(actions.flush, (Position{3, 103}));
  EXPECT_LE(follower.lease_end(), at(3020));
}

TEST_F(FollowerProtocol, PacesPagesThatAlwaysSayThatThereIsMore) {
  start();
  int pages = 0;
  auto wanted = follower.on_message(heartbeat(100'000, 0), from_engine, at(0)).request_after;
  Sequence last = 100;
  for (int us = 0; us < 5'000'000; us += 50) {
    const auto now = at(0) + std::chrono::microseconds(us);
    if (!wanted && us % 50'000 == 0) wanted = follower.tick(now).request_after;
    if (!wanted) continue;
    ++pages;
    ++last;
    wanted = follower.on_page(page({3, last}, us / 1000, {message(last, last)}, true), now).request_after;
  }
  EXPECT_LE(pages, 200);
}

TEST_F(FollowerProtocol, StartsAfreshWhereTheEngineIsWhenItIsFarBehind) {
  start();
  follower.on_message(heartbeat(102, 1000), from_engine, at(1000));
  auto far = page({3, 101}, 1010, {message(101, 101)}, true);
  far.published = {3, 500'000};
  EXPECT_EQ(follower.on_page(far, at(1010)).flush, (Position{3, 500'000}));
  EXPECT_EQ(follower.lease_end(), at(4000)) << "nothing is missing, and nothing cached";
  EXPECT_TRUE(follower.trusts_cache());
}

// An engine that always has more than the last page: pages lag, and each proves its own end.
TEST_F(FollowerProtocol, P13FairManyRevocationsNeverEndTheLeaseWhilePagesLagBehindThem) {
  start();
  Sequence published = 100;
  auto wanted = follower.on_message(heartbeat(published += 1000, 0), from_engine, at(0)).request_after;
  for (int ms = 5; ms < 20'000; ms += 5) {
    published += 1000;
    if (!wanted) wanted = follower.tick(at(ms)).request_after;
    ASSERT_TRUE(wanted) << "at " << ms << " ms it waits although there is more to read";
    const auto last = wanted->sequence + 1000;
    auto lagging = page({3, last}, ms, {sent(message(wanted->sequence + 1, last), ms - 400)}, true);
    lagging.published = {3, published};
    wanted = follower.on_page(lagging, at(ms)).request_after;
    EXPECT_EQ(follower.lease_end(), at(std::max(3000, ms - 400 + 3000)));
  }
}

TEST_F(FollowerProtocol, P5BoundedAPageThatWasAskedForBeforeADoubtExtendsNothing) {
  start();
  follower.on_message(heartbeat(5000, 0), from_engine, at(0));
  const auto part = page({3, 1100}, 10, {sent(message(101, 1100), 5)}, true);
  follower.tick(at(3500));  // a pause
  follower.on_page(part, at(3600));
  EXPECT_TRUE(follower.is_stale(at(3600)));
}

// ---- origin of messages

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

TEST_F(PinnedFollower, P14GenuineIgnoresAndCountsWhatAnotherEngineSaysAndAsksItsOwn) {
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

TEST_F(PinnedFollower, P14GenuineAsksAtABoundedRateHoweverMuchAnotherEngineSays) {
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
  const auto heard = follower.on_message(of("j4", message(101, 102, {102}, 4)), signed_bus, at(10));
  EXPECT_EQ(heard.request_after, (Position{3, 100}));
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

TEST_F(PinnedFollower, P14GenuineStartsAfreshInARestoredOlderCopyWhateverItsNumbersAre) {
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

TEST_F(PinnedFollower, P14GenuineStartsAfreshWhenAPageIsOfAnotherJournal) {
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

TEST_F(PinnedFollower, P14GenuineAnAnswerOfAnotherJournalMakesItAsk) {
  EXPECT_EQ(follower.on_decision({3, 100}, "j4", at(10)).request_after, (Position{3, 100}));
  EXPECT_TRUE(follower.trusts_cache());
}

// ---- unsigned messages

TEST_F(PinnedFollower, P14GenuineHearsayMakesItAskAndMovesNothing) {
  const auto actions = follower.on_message(of("j3", sent(message(101, 101, {101}), 10)), bus, at(10));
  EXPECT_THAT(actions.apply, IsEmpty());
  ASSERT_EQ(actions.doubt.size(), 1u);
  EXPECT_EQ(actions.doubt[0].key_id, "k101");
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
  EXPECT_EQ(follower.position(), (Position{3, 100}));
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_EQ(follower.lease_end(), at(3000));
  EXPECT_THAT(applied(follower.on_page(of("j3", page({3, 101}, 12, {message(101, 101, {101})})), at(12))),
              ElementsAre(101));
  EXPECT_TRUE(nothing(follower.on_message(of("j3", message(101, 101, {101})), bus, at(20))));
}

TEST_F(PinnedFollower, HearsayMakesItReadNoPagesWhileTheEngineTellsItTheSame) {
  follower.set_fed(true);
  const auto actions = follower.on_message(of("j3", sent(message(101, 101, {101}), 10)), bus, at(10));
  EXPECT_EQ(actions.doubt.size(), 1u);
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
  EXPECT_EQ(follower.on_message(of("j3", message(101, 101, {101})), bus, at(10'001)).doubt.size(), 1u);
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

TEST_F(PinnedFollower, WhatNobodyCanReadMakesItAsk) {
  EXPECT_EQ(follower.on_unreadable(bus, at(10)).request_after, (Position{3, 100}));
  EXPECT_TRUE(follower.trusts_cache());
}

}  // namespace revoked::cache::follower_test
