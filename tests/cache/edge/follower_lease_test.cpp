#include "tests/cache/edge/follower_harness.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <limits>

namespace revoked::cache::follower_lease_test {

using follower_harness::FollowerProtocol;
using testing::ElementsAre;

TEST_F(FollowerProtocol, CountsTheLeaseFromTheFirstOfSeveralOpenRequests) {
  start();
  follower.on_message(heartbeat(102, 100), from_engine, at(100));
  tick_until(100, 2100);  // asks again at 2100
  follower.on_page({{3, 102}, false, {message(101, 102)}}, at(2110));
  EXPECT_EQ(follower.lease_end(), at(3100));
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

TEST_F(FollowerProtocol, RequestsAPageBeforeTheLeaseEnds) {
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

TEST_F(FollowerProtocol, RequiresAPageAfterAPauseShorterThanTheLease) {
  start();
  const auto actions = follower.on_message(heartbeat(100, 2500), from_engine, at(2500));
  EXPECT_EQ(follower.lease_end(), at(3000));
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
}

TEST_F(FollowerProtocol, IsNotRevivedByAPageRequestedBeforeThePause) {
  start();
  follower.on_message(heartbeat(102, 0), from_engine, at(0));
  follower.tick(at(60'000));
  follower.on_page({{3, 102}, false, {message(101, 102)}}, at(60'000));
  EXPECT_EQ(follower.position(), (Position{3, 102}));
  EXPECT_TRUE(follower.is_stale(at(60'000)));
}

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

TEST_F(FollowerProtocol, P5BoundedAPageRequestedBeforeAPauseExtendsNothing) {
  start();
  follower.on_message(heartbeat(5000, 0), from_engine, at(0));
  const auto part = page({3, 1100}, 10, {sent(message(101, 1100), 5)}, true);
  follower.tick(at(3500));  // a pause
  follower.on_page(part, at(3600));
  EXPECT_TRUE(follower.is_stale(at(3600)));
}

}  // namespace revoked::cache::follower_lease_test
