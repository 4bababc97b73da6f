#include "tests/cache/edge/follower_harness.hpp"

#include <gmock/gmock.h>

#include <limits>

namespace revoked::cache::follower_test {

using follower_harness::FollowerProtocol;
using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(FollowerProtocol, KnowsNothingBeforeTheFirstMessage) {
  EXPECT_FALSE(follower.position());
  EXPECT_FALSE(follower.trusts_cache());
  EXPECT_TRUE(follower.is_stale(at(0)));
  EXPECT_EQ(follower.lease_end(), Monotonic{});
  EXPECT_TRUE(nothing(follower.tick(at(0))));
}

TEST_F(FollowerProtocol, TakesTheFirstMessageAtFaceValueFlushesThereAndRequestsAPage) {
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

TEST_F(FollowerProtocol, BeginsWhereTheEngineSaysItIsAndConfirmsItBeforeItTrustsIt) {
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

TEST_F(FollowerProtocol, AppliesBeyondAGapAtOnceAndRequestsWhatIsMissing) {
  start();
  const auto actions = follower.on_message(message(103, 104, {104}), from_engine, at(10));
  EXPECT_THAT(applied(actions), ElementsAre(104));
  EXPECT_EQ(actions.request_after, (Position{3, 100}));
  EXPECT_FALSE(follower.trusts_cache());
  EXPECT_EQ(follower.position(), (Position{3, 100}));
  EXPECT_EQ(follower.lease_end(), at(3000));
}

TEST_F(FollowerProtocol, ClosesAGapWithAPageAndCountsTheLeaseFromTheRequest) {
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

TEST_F(FollowerProtocol, DoesNotBelieveAPageWithAGap) {
  start();
  follower.on_message(heartbeat(104, 10), from_engine, at(10));
  const auto actions = follower.on_page({{3, 104}, false, {message(103, 104, {104})}}, at(20));
  EXPECT_THAT(actions.apply, IsEmpty());
  EXPECT_FALSE(follower.trusts_cache());
  EXPECT_EQ(follower.position(), (Position{3, 100}));
  EXPECT_FALSE(actions.request_after);
  EXPECT_EQ(follower.tick(at(120)).request_after, (Position{3, 100}));
}

TEST_F(FollowerProtocol, DoesNotBelieveAPageThatEndsBeyondItsMessages) {
  start();
  follower.on_message(heartbeat(101, 10), from_engine, at(10));
  follower.on_page({{3, 110}, false, {message(101, 101)}}, at(20));
  EXPECT_EQ(follower.position(), (Position{3, 101}));
  EXPECT_FALSE(follower.trusts_cache());
}

TEST_F(FollowerProtocol, HoldsNoRepairDoneBeforeEverythingPublishedIsThere) {
  start();
  follower.on_message(heartbeat(102, 10), from_engine, at(10));
  follower.on_message(heartbeat(105, 15), from_engine, at(15));
  follower.on_page({{3, 102}, false, {message(101, 102)}}, at(20));
  EXPECT_FALSE(follower.trusts_cache());
  EXPECT_EQ(follower.lease_end(), at(3000));
}

TEST_F(FollowerProtocol, IgnoresAPageItDidNotRequest) {
  start();
  EXPECT_TRUE(nothing(follower.on_page({{3, 101}, false, {message(101, 101, {101})}}, at(10))));
  EXPECT_EQ(follower.position(), (Position{3, 100}));
}

TEST_F(FollowerProtocol, RequestsAgainWhenAResponseDoesNotCome) {
  start();
  follower.on_message(heartbeat(102, 0), from_engine, at(0));
  for (int ms = 100; ms < 2000; ms += 100) EXPECT_FALSE(follower.tick(at(ms)).request_after);
  EXPECT_EQ(follower.tick(at(2000)).request_after, (Position{3, 100}));
}

TEST_F(FollowerProtocol, RequestsAgainLaterAfterAFailure) {
  start();
  follower.on_message(heartbeat(102, 0), from_engine, at(0));
  EXPECT_TRUE(nothing(follower.on_page_failed(at(10))));
  EXPECT_FALSE(follower.on_message(heartbeat(103, 20), from_engine, at(20)).request_after);
  EXPECT_EQ(follower.tick(at(110)).request_after, (Position{3, 100}));
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

}  // namespace revoked::cache::follower_test
