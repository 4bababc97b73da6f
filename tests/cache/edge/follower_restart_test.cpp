#include "tests/cache/edge/follower_harness.hpp"

#include <gmock/gmock.h>

namespace revoked::cache::follower_restart_test {

using follower_harness::FollowerProtocol;
using testing::ElementsAre;

TEST_F(FollowerProtocol, RestartsBehindAGapThatStays) {
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

TEST_F(FollowerProtocol, RestartsWhenItRanAhead) {
  start();
  follower.on_message(heartbeat(99, 10, 4), from_engine, at(10));
  const auto actions = follower.on_page_gone({{4, 99}, false, {}}, at(20));
  EXPECT_EQ(actions.flush, (Position{4, 99}));
  EXPECT_EQ(follower.position(), (Position{4, 99}));
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_EQ(follower.lease_end(), at(3010));
}

TEST_F(FollowerProtocol, RestartsWhenItRanAheadWhileThePageWasOnItsWay) {
  start();
  follower.on_message(heartbeat(102, 10), from_engine, at(10));
  follower.on_message(message(101, 103, {103}), from_engine, at(20));
  // Requested after 3-100: the beginning of the new epoch shows that 101 to 103 are lost.
  const auto actions = follower.on_page({{4, 102}, false, {message(101, 102, {102}, 4)}}, at(30));
  EXPECT_EQ(actions.flush, (Position{4, 102}));
  EXPECT_EQ(follower.position(), (Position{4, 102}));
}

TEST_F(FollowerProtocol, KeepsRequestingWhenMoreWasPublishedThanTheEngineHadWhenItRestarted) {
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

TEST_F(FollowerProtocol, RestartsWhenAnAnswerRanAheadOfTheEngine) {
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

TEST_F(FollowerProtocol, RestartsWhenAPageEndsBehindItsRequest) {
  start();
  follower.on_message(sent(message(101, 105, {105}), 10), from_engine, at(10));
  follower.on_message(heartbeat(107, 20), from_engine, at(20));
  const auto actions = follower.on_page(page({3, 103}, 30), at(30));
  EXPECT_EQ(actions.flush, (Position{3, 103}));
  EXPECT_LE(follower.lease_end(), at(3020));
}

TEST_F(FollowerProtocol, RestartsWhereTheEngineIsWhenItIsFarBehind) {
  start();
  follower.on_message(heartbeat(102, 1000), from_engine, at(1000));
  auto far = page({3, 101}, 1010, {message(101, 101)}, true);
  far.published = {3, 500'000};
  EXPECT_EQ(follower.on_page(far, at(1010)).flush, (Position{3, 500'000}));
  EXPECT_EQ(follower.lease_end(), at(4000)) << "nothing is missing, and nothing cached";
  EXPECT_TRUE(follower.trusts_cache());
}

}  // namespace revoked::cache::follower_restart_test
