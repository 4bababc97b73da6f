// Events that the follower applies, and unsigned ones, which only make the cache ask again.

#include <gtest/gtest.h>

#include "tests/cache/edge/near_cache_samples.hpp"

namespace revoked::cache::near_cache_events_test {

using test::decision_of;
using test::digest_of;
using test::key_event;
using test::key_revoked;
using test::NearCacheTest;
using test::owner_revoked;
using test::within;
using State = Decision::State;
using NearCacheUnsignedEvent = NearCacheTest;

TEST_F(NearCacheTest, DeniesAKeyOnceItsRevocationIsApplied) {
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  cache.fill(digest_of(2), decision_of("k2", {3, 100}));
  cache.apply(key_revoked("k1", {3, 101}));
  EXPECT_EQ(state(1), State::revoked);
  EXPECT_EQ(state(2), State::active);
}

TEST_F(NearCacheTest, DeniesEverySecretOfARevokedKey) {
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  cache.fill(digest_of(2), decision_of("k1", {3, 100}));
  cache.apply(key_revoked("k1", {3, 101}));
  EXPECT_EQ(state(1), State::revoked);
  EXPECT_EQ(state(2), State::revoked);
}

TEST_F(NearCacheTest, RefusesAnAnswerOlderThanTheRevocation) {
  cache.apply(key_revoked("k1", {3, 105}));
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of("k1", {3, 104})));
  EXPECT_EQ(state(1), std::nullopt);
  EXPECT_TRUE(cache.fill(digest_of(1), decision_of("k1", {3, 105}, State::revoked)));
  EXPECT_EQ(state(1), State::revoked);
}

TEST_F(NearCacheTest, BringsNoRevokedKeyBackWithinAnEpoch) {
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  cache.apply(key_revoked("k1", {3, 101}));
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of("k1", {3, 100})));
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of("k1", {3, 102})));
  EXPECT_EQ(state(1), State::revoked);
}

TEST_F(NearCacheTest, AsksAgainAboutASuspendedOrChangedKey) {
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  cache.fill(digest_of(2), decision_of("k2", {3, 102}));
  cache.apply(key_event(Invalidation::Type::key_suspended, "k1", {3, 101}));
  cache.apply(key_event(Invalidation::Type::key_changed, "k2", {3, 101}));
  EXPECT_EQ(state(1), std::nullopt);
  EXPECT_EQ(state(2), State::active) << "the answer covers the change";
  EXPECT_EQ(cache.size().entries, 1u);
  EXPECT_TRUE(cache.fill(digest_of(1), decision_of("k1", {3, 101})));
}

TEST_F(NearCacheTest, AnOwnersRevocationEndsWhatIsOlderAndSparesWhatIsNewer) {
  cache.fill(digest_of(1), decision_of("k1", {3, 104}));
  cache.fill(digest_of(2), decision_of("k2", {3, 105}));
  auto other = decision_of("k3", {3, 104});
  other.user = "u2";
  cache.fill(digest_of(3), other);
  cache.apply(owner_revoked(Scope::user, "u1", {3, 105}));
  EXPECT_EQ(state(1), std::nullopt);
  EXPECT_EQ(state(2), State::active);
  EXPECT_EQ(state(3), State::active);
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of("k1", {3, 104})));
  cache.apply(owner_revoked(Scope::workspace, "w1", {3, 106}));
  EXPECT_EQ(state(2), std::nullopt);
  EXPECT_EQ(state(3), std::nullopt);
}

TEST_F(NearCacheTest, AnOwnersRevocationEndsAnEntryThatOutlivedOthers) {
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  for (Sequence s = 101; s < 300; ++s) {
    cache.apply(owner_revoked(Scope::user, "another" + std::to_string(s), {3, s}));
    EXPECT_EQ(state(1), State::active);
  }
  cache.apply(owner_revoked(Scope::workspace, "w1", {3, 300}));
  EXPECT_EQ(state(1), std::nullopt);
}

TEST_F(NearCacheTest, AnOwnerWithinOthersEndsWhatHasThemAll) {
  auto elsewhere = decision_of("k2", {3, 100});
  elsewhere.workspace = "w2";
  auto nowhere = decision_of("k3", {3, 100});
  nowhere.workspace = "";
  auto triple = decision_of("k4", {3, 100});
  triple.application = "a1";
  ASSERT_TRUE(cache.fill(digest_of(1), decision_of("k1", {3, 100})));
  ASSERT_TRUE(cache.fill(digest_of(2), elsewhere));
  ASSERT_TRUE(cache.fill(digest_of(3), nowhere));
  ASSERT_TRUE(cache.fill(digest_of(4), triple));
  const auto by_user = owner_revoked(Scope::user, "u1", {3, 101});
  cache.apply(within(within(by_user, Scope::workspace, "w1"), Scope::application, "a1"));
  EXPECT_EQ(state(1), State::active);
  EXPECT_EQ(state(4), std::nullopt);
  cache.apply(within(owner_revoked(Scope::workspace, "w1", {3, 102}), Scope::user, "u1"));
  EXPECT_EQ(state(1), std::nullopt);
  EXPECT_EQ(state(2), State::active);
  EXPECT_EQ(state(3), State::active);
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of("k1", {3, 101}))) << "older than the revocation";
  EXPECT_FALSE(cache.fill(digest_of(4), triple));
  EXPECT_TRUE(cache.fill(digest_of(1), decision_of("k1", {3, 102}))) << "created since";
  EXPECT_EQ(state(1), State::active);
  cache.apply(within(owner_revoked(Scope::application, "a1", {3, 103}), Scope::workspace, "w1"));
  EXPECT_EQ(state(1), State::active) << "has no application";
  cache.flush({3, 100});
  EXPECT_TRUE(cache.fill(digest_of(4), triple));
}

TEST_F(NearCacheTest, KeepsScopesApart) {
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  cache.apply(owner_revoked(Scope::application, "u1", {3, 101}));
  cache.apply(owner_revoked(Scope::workspace, "u1", {3, 102}));
  EXPECT_EQ(state(1), State::active);
}

TEST_F(NearCacheTest, ReusedSequencesOfALaterEpochEndOlderEntries) {
  // Published as 3-110, lost in a crash: the next epoch gives 107 to another event.
  cache.fill(digest_of(1), decision_of("k1", {3, 110}));
  cache.apply(owner_revoked(Scope::user, "u1", {4, 107}));
  cache.advance(4);
  EXPECT_EQ(state(1), std::nullopt);
  EXPECT_TRUE(cache.fill(digest_of(1), decision_of("k1", {4, 107})));
}

TEST_F(NearCacheTest, AsksOnceMoreAboutARevocationOfAnEarlierEpoch) {
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  cache.apply(key_revoked("k1", {3, 105}));
  cache.advance(4);
  EXPECT_EQ(state(1), std::nullopt);
  EXPECT_TRUE(cache.fill(digest_of(1), decision_of("k1", {4, 105}))) << "it was published, but never durable";
  EXPECT_EQ(state(1), State::active);
}

TEST_F(NearCacheTest, AnUnknownEventDropsEverything) {
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  cache.apply(key_event(Invalidation::Type::unknown, "", {3, 101}));
  EXPECT_EQ(state(1), std::nullopt);
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of("k1", {3, 100})));
}

TEST_F(NearCacheTest, TellsWhichAnswersCameTooLate) {
  cache.apply(key_revoked("k1", {3, 110}));
  cache.apply(owner_revoked(Scope::user, "u9", {3, 111}));
  EXPECT_TRUE(cache.has_ended(decision_of("k1", {3, 109})));
  EXPECT_FALSE(cache.has_ended(decision_of("k1", {3, 110})));
  EXPECT_FALSE(cache.has_ended(decision_of("k1", {3, 109}, State::revoked))) << "which denies anyway";
  auto decision = decision_of("k2", {3, 110});
  EXPECT_FALSE(cache.has_ended(decision));
  decision.user = "u9";
  EXPECT_TRUE(cache.has_ended(decision));
  decision.as_of = {4, 1};
  EXPECT_FALSE(cache.has_ended(decision));
  EXPECT_TRUE(cache.has_ended(decision_of("k3", {3, 99}))) << "from before the cache began";
}

TEST_F(NearCacheUnsignedEvent, MakesItAskAgainAndKeepsNothingAskedBefore) {
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  cache.fill(digest_of(2), decision_of("k2", {3, 100}));
  const auto asked = cache.moment();
  cache.recheck(key_revoked("k1", {3, Sequence{1} << 62}));
  EXPECT_FALSE(cache.find(digest_of(1), 0));
  EXPECT_TRUE(cache.find(digest_of(2), 0));
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of("k1", {3, 101}), asked));
  EXPECT_TRUE(cache.must_recheck(decision_of("k1", {3, 101}), asked));
  EXPECT_TRUE(cache.fill(digest_of(1), decision_of("k1", {3, 101}), cache.moment()));
  EXPECT_TRUE(cache.find(digest_of(1), 0)) << "whatever sequence the unsigned event had";
}

TEST_F(NearCacheUnsignedEvent, OfAnOwnerMakesItAskAgainAboutThatOwnersKeysOnly) {
  auto ours = decision_of("k1", {3, 100});
  ours.user = "u1";
  auto other = decision_of("k2", {3, 100});
  other.user = "u2";
  cache.fill(digest_of(1), ours);
  cache.fill(digest_of(2), other);
  const auto asked = cache.moment();
  Invalidation event;
  event.type = Invalidation::Type::owner_revoked;
  event.scope = Scope::user;
  event.owner_id = "u1";
  event.sequence = Sequence{1} << 62;
  cache.recheck(event);
  EXPECT_FALSE(cache.find(digest_of(1), 0));
  EXPECT_TRUE(cache.find(digest_of(2), 0));
  EXPECT_FALSE(cache.fill(digest_of(1), ours, asked));
  EXPECT_TRUE(cache.fill(digest_of(1), ours, cache.moment()));
  EXPECT_TRUE(cache.find(digest_of(1), 0));
}

TEST_F(NearCacheUnsignedEvent, OfAnOwnerWithinAnotherMakesItAskAgainAboutWhatHasBothOnly) {
  auto elsewhere = decision_of("k2", {3, 100});
  elsewhere.workspace = "w2";
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  cache.fill(digest_of(2), elsewhere);
  const auto asked = cache.moment();
  cache.recheck(within(owner_revoked(Scope::user, "u1", {3, Sequence{1} << 62}), Scope::workspace, "w1"));
  EXPECT_FALSE(cache.find(digest_of(1), 0));
  EXPECT_TRUE(cache.find(digest_of(2), 0));
  EXPECT_TRUE(cache.must_recheck(decision_of("k1", {3, 101}), asked));
  EXPECT_FALSE(cache.must_recheck(elsewhere, asked));
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of("k1", {3, 101}), asked));
  EXPECT_TRUE(cache.fill(digest_of(1), decision_of("k1", {3, 101}), cache.moment()));
  EXPECT_TRUE(cache.find(digest_of(1), 0));
}

}  // namespace revoked::cache::near_cache_events_test
