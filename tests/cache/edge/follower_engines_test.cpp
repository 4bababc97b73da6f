// A follower of several engines that share a journal.

#include <gmock/gmock.h>

#include <functional>

#include "tests/cache/edge/follower_harness.hpp"

namespace revoked::cache::follower_engines_test {

using follower_harness::FollowerProtocol;
using testing::ElementsAre;

class FollowerOfSeveral : public FollowerProtocol {
 protected:
  void SetUp() override {
    Follower::Options options;
    options.has_several_engines = true;
    follower = Follower(options);
    on_page("a", {3, 100}, 0);
    on_page("a", {3, 100}, 0);
  }
  static std::string journal_of(Epoch epoch) { return "j" + std::to_string(epoch); }
  // Of the engine with this clock; each has run for another time.
  static std::uint64_t up_of(const std::string& clock, int ms) {
    return up_at(ms) + (clock == "a" || clock.empty() ? 0u : 500u);
  }
  static Message of(const std::string& clock, Message m, int ms) {
    m.journal = journal_of(m.epoch);
    m.clock = clock;
    m.up = up_of(clock, ms);
    m.at = wall_at(ms);
    return m;
  }
  static Page page_of(const std::string& clock, Position position, int ms, std::vector<Message> messages) {
    auto p = page(position, ms, std::move(messages));
    for (auto& m : p.messages) m.journal = journal_of(m.epoch);
    p.journal = journal_of(position.epoch);
    p.clock = clock;
    p.up = up_of(clock, ms);
    return p;
  }
  Follower::Actions on_page(const std::string& clock, Position position, int ms,
                            std::vector<Message> messages = {}) {
    return follower.on_page(page_of(clock, position, ms, std::move(messages)), at(ms));
  }
  Follower::Actions on_gone(const std::string& clock, Position position, int ms) {
    return follower.on_page_gone(page_of(clock, position, ms, {}), at(ms));
  }
  int is_stale_while(const std::function<Sequence(Sequence last)>& reached, int until);
  // Pages, as often as they are wanted; the engine stays at its position. Returns when the follower
  // restarted; -1 if it did not.
  int restarts_at(const std::string& clock, Position position, int from, int to) {
    for (int ms = from; ms <= to; ms += 50) {
      if (follower.tick(at(ms)).request_after && on_gone(clock, position, ms).flush) return ms;
    }
    return -1;
  }
};

TEST_F(FollowerOfSeveral, RelatesTheClockOfTheEngineThatAnsweredAndOfNoOther) {
  // By the clock of a it would be just sent.
  follower.on_message(of("b", heartbeat(100, 0), 500), signed_bus, at(1000));
  EXPECT_EQ(follower.lease_end(), at(3000));
  EXPECT_FALSE(follower.may_be_of_engine("b"));
  follower.on_message(of("a", heartbeat(100, 0), 1000), signed_bus, at(1000));
  EXPECT_EQ(follower.lease_end(), at(4000));
  EXPECT_TRUE(follower.may_be_of_engine("a"));
}

TEST_F(FollowerOfSeveral, AppliesMessagesOfAnyOfThem) {
  const auto actions = follower.on_message(of("b", message(101, 101, {101}), 10), signed_bus, at(10));
  EXPECT_THAT(applied(actions), ElementsAre(101));
  EXPECT_EQ(follower.lease_end(), at(3000));
}

TEST_F(FollowerOfSeveral, AsksAnotherEngineForAPageBeforeItsMessagesExtendTheLease) {
  EXPECT_EQ(follower.on_engine_changed(at(500)).request_after, (Position{3, 100}));
  follower.on_message(of("b", heartbeat(100, 0), 600), from_engine, at(600));
  EXPECT_EQ(follower.lease_end(), at(3000));
  on_page("b", {3, 100}, 700);
  EXPECT_EQ(follower.lease_end(), at(3500)) << "from when it was asked";
  follower.on_message(of("b", heartbeat(100, 0), 1000), from_engine, at(1000));
  EXPECT_GE(follower.lease_end(), at(3500 + 300 - 200));
  follower.on_message(of("a", heartbeat(100, 0), 1500), signed_bus, at(1500));
  EXPECT_LT(follower.lease_end(), at(4100)) << "of the engine before";
}

// Of engines that do not name theirs, the relation belongs to the engine before.
TEST_F(FollowerOfSeveral, ForgetsAClockWithoutAName) {
  follower.on_engine_changed(at(10));
  on_page("", {3, 100}, 10);
  ASSERT_TRUE(follower.on_engine_changed(at(100)).request_after);
  auto other = page_of("", {3, 100}, 150, {});
  other.up = up_at(150) + 500;
  follower.on_page(other, at(150));
  auto beat = of("", heartbeat(100, 0), 300);
  *beat.up += 500;
  follower.on_message(beat, from_engine, at(900));
  EXPECT_LE(follower.lease_end(), at(3300));
}

TEST_F(FollowerOfSeveral, IgnoresAPageThatWasAskedOfTheEngineBefore) {
  for (int ms = 100; ms <= 2000; ms += 100) follower.tick(at(ms));  // asks: the lease is ending
  follower.on_engine_changed(at(2100));
  EXPECT_EQ(on_page("a", {3, 100}, 2200).request_after, (Position{3, 100}));
  EXPECT_EQ(follower.lease_end(), at(3000));
  on_page("b", {3, 100}, 2300);
  EXPECT_EQ(follower.lease_end(), at(5200));
}

TEST_F(FollowerOfSeveral, IsNotTakenBackByAnEngineThatIsBehind) {
  follower.on_message(of("a", message(101, 105, {105}), 10), from_engine, at(10));
  EXPECT_EQ(follower.on_engine_changed(at(100)).request_after, (Position{3, 105}));
  auto actions = on_gone("b", {3, 104}, 110);
  EXPECT_FALSE(actions.flush);
  EXPECT_FALSE(actions.is_engine_behind) << "it may be for a moment";
  EXPECT_EQ(follower.lease_end(), at(3010));
  EXPECT_EQ(follower.tick(at(210)).request_after, (Position{3, 105}));
  EXPECT_FALSE(on_page("b", {3, 104}, 220).flush);
  EXPECT_EQ(follower.tick(at(320)).request_after, (Position{3, 105}));
  actions = on_gone("b", {3, 104}, 330);
  EXPECT_TRUE(actions.is_engine_behind);
  EXPECT_FALSE(actions.flush);
  EXPECT_EQ(follower.lease_end(), at(3010));
  EXPECT_EQ(follower.position(), (Position{3, 105}));
  EXPECT_TRUE(follower.trusts_cache());
  // The next engine has it.
  follower.on_engine_changed(at(340));
  follower.tick(at(450));
  EXPECT_FALSE(on_page("c", {3, 105}, 460).flush);
  EXPECT_EQ(follower.lease_end(), at(3450));
}

TEST_F(FollowerOfSeveral, RestartsBehindWhatNoEngineHasReachedInTime) {
  follower.on_message(of("a", message(101, 105, {105}), 10), from_engine, at(10));
  follower.on_engine_changed(at(100));
  ASSERT_FALSE(on_gone("b", {3, 104}, 110).flush);
  const auto restarted = restarts_at("b", {3, 104}, 150, 4000);
  EXPECT_GE(restarted, 2110);
  EXPECT_LE(restarted, 2400);
  EXPECT_EQ(follower.position(), (Position{3, 104}));
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_FALSE(follower.is_stale(at(restarted)));
}

TEST_F(FollowerOfSeveral, DoesNotRestartWhileAnotherEngineHasWhatIsKnown) {
  follower.on_message(of("b", message(101, 105, {105}), 10), signed_bus, at(10));
  for (int ms = 1000; ms <= 20'000; ms += 50) {
    if (ms % 1000 == 0) follower.on_message(of("b", heartbeat(105, 0), ms), signed_bus, at(ms));
    if (!follower.tick(at(ms)).request_after) continue;
    EXPECT_FALSE(on_gone("a", {3, 104}, ms).flush) << ms;
  }
  EXPECT_TRUE(follower.is_stale(at(20'000))) << "its engine proves nothing";
  EXPECT_EQ(follower.position(), (Position{3, 105}));
}

// Messages of b on the bus, faster than a, which is in use, reads the journal: it is at reached(last).
// Returns when the follower was stale; -1 if it was not. It never restarts.
int FollowerOfSeveral::is_stale_while(const std::function<Sequence(Sequence last)>& reached, int until) {
  Sequence last = 100;
  for (int ms = 10; ms <= until; ms += 10) {
    ++last;
    const auto at_engine = reached(last);
    bool asks = follower.on_message(of("b", message(last, last, {last}), ms), signed_bus, at(ms))
                    .request_after.has_value();
    if (ms % 1000 == 0) {
      const auto beat = of("a", heartbeat(at_engine, 0), ms);
      asks |= follower.on_message(beat, from_engine, at(ms)).request_after.has_value();
    }
    asks |= follower.tick(at(ms)).request_after.has_value();
    if (asks && on_gone("a", {3, at_engine}, ms).flush) ADD_FAILURE() << ms;
    if (follower.is_stale(at(ms))) return ms;
  }
  EXPECT_EQ(follower.position(), (Position{3, last}));
  return -1;
}

TEST_F(FollowerOfSeveral, StaysCurrentWithAnEngineThatIsAlwaysALittleBehindTheBus) {
  EXPECT_EQ(is_stale_while([](Sequence last) { return last - 3; }, 30'000), -1);
}

TEST_F(FollowerOfSeveral, IsStaleOnceItsEngineStopsBehindTheBus) {
  const auto stale_at =
      is_stale_while([](Sequence last) { return std::min<Sequence>(last - 3, 200); }, 10'000);
  EXPECT_GE(stale_at, 3000);
  EXPECT_LE(stale_at, 4100);
}

TEST_F(FollowerOfSeveral, ReadsWhatIsMissingFromAnEngineThatHasOnlySomeOfIt) {
  follower.on_message(of("b", message(105, 105, {105}), 10), signed_bus, at(10));
  EXPECT_FALSE(follower.trusts_cache());
  auto actions = on_page("a", {3, 103}, 20, {message(101, 103, {102})});
  EXPECT_THAT(applied(actions), ElementsAre(102));
  EXPECT_EQ(actions.request_after, (Position{3, 103}));
  EXPECT_FALSE(follower.trusts_cache());
  EXPECT_FALSE(on_page("a", {3, 103}, 30).is_engine_behind);
  EXPECT_TRUE(follower.tick(at(225)).request_after);
  EXPECT_TRUE(on_page("a", {3, 103}, 230).is_engine_behind);
  follower.on_engine_changed(at(230));
  follower.tick(at(340));
  actions = on_page("c", {3, 105}, 350, {message(104, 105, {105})});
  EXPECT_FALSE(actions.flush);
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_EQ(follower.position(), (Position{3, 105}));
}

TEST_F(FollowerOfSeveral, TheHigherEpochWins) {
  follower.on_engine_changed(at(10));
  on_page("b", {4, 102}, 20, {message(101, 102, {102}, 4)});
  EXPECT_EQ(follower.position(), (Position{4, 102}));
  EXPECT_EQ(follower.lease_end(), at(3010));
  // Another engine is in the epoch before, and further.
  follower.on_engine_changed(at(100));
  auto actions = on_page("c", {3, 110}, 150, {message(101, 110, {})});
  EXPECT_FALSE(actions.flush);
  EXPECT_TRUE(actions.is_engine_behind);
  EXPECT_EQ(follower.lease_end(), at(3010));
  EXPECT_EQ(follower.engine_journal(), "j4");
  actions = follower.on_message(of("c", message(103, 110), 160), from_engine, at(160));
  EXPECT_TRUE(actions.apply.empty());
  EXPECT_TRUE(follower.on_decision({3, 110}, "j3", at(170)).is_engine_behind);
  EXPECT_TRUE(follower.is_outdated({3, 110}));
  EXPECT_FALSE(follower.is_outdated({4, 1}));
  EXPECT_FALSE(follower.on_decision({}, {}, at(170)).is_engine_behind) << "made without an engine";
  EXPECT_EQ(follower.position(), (Position{4, 102}));
  EXPECT_TRUE(follower.trusts_cache());
  EXPECT_EQ(follower.lease_end(), at(3010));
}

TEST_F(FollowerOfSeveral, RestartsInTheNextEpochIfItRanAhead) {
  follower.on_message(of("a", message(101, 105, {105}), 10), from_engine, at(10));
  follower.on_engine_changed(at(100));
  EXPECT_EQ(on_gone("b", {4, 104}, 110).flush, (Position{4, 104})) << "at once: its leader lost the entries";
  EXPECT_FALSE(follower.is_stale(at(120)));
}

TEST_F(FollowerOfSeveral, P2AbsorbingAcceptsNoAnswerFromBeforeWhatItHasAppliedAhead) {
  follower.on_message(of("a", message(101, 105, {105}), 10), from_engine, at(10));
  follower.on_engine_changed(at(100));
  on_gone("b", {3, 104}, 110);  // 105 is lost
  follower.on_message(of("b", heartbeat(104, 0, 4), 2000), from_engine, at(2000));
  EXPECT_THAT(applied(follower.on_message(of("b", message(106, 107, {107}, 4), 2050), from_engine, at(2050))),
              ElementsAre(107));
  follower.tick(at(2150));
  // Longer after 3-105 was first missed than what is known takes to be given up.
  EXPECT_EQ(on_gone("b", {4, 105}, 2200).flush, (Position{4, 107})) << "not only the engine's position";
  EXPECT_EQ(follower.position(), (Position{4, 105}));
  EXPECT_FALSE(follower.trusts_cache());
}

TEST_F(FollowerOfSeveral, RestartsInAnotherHistory) {
  follower.on_engine_changed(at(100));
  auto other = page_of("b", {3, 90}, 110, {});
  other.journal = "copy";
  EXPECT_EQ(follower.on_page_gone(other, at(110)).flush, (Position{3, 90}));
  EXPECT_EQ(follower.journal(), "copy");
}

TEST_F(FollowerProtocol, OfOneEngineIsTakenBackByItAtOnce) {
  start();
  follower.on_message(sent(message(101, 105, {105}), 10), from_engine, at(10));
  follower.on_message(heartbeat(104, 20), from_engine, at(20));
  EXPECT_EQ(follower.on_page_gone(page({3, 104}, 30), at(30)).flush, (Position{3, 104}));
}

}  // namespace revoked::cache::follower_engines_test
