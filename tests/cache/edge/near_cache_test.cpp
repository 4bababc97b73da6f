#include "cache/edge/near_cache.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <random>
#include <thread>

namespace revoked::cache::near_cache_test {

using State = Decision::State;

engine::Digest digest_of(std::uint64_t number) {
  engine::Digest digest{};
  const auto hash = (number + 1) * 0x9e3779b97f4a7c15u;
  std::memcpy(digest.data(), &hash, sizeof hash);
  std::memcpy(digest.data() + 8, &number, sizeof number);
  return digest;
}

Decision decision_of(std::string key_id, Position as_of, State state = State::active) {
  Decision decision;
  decision.state = state;
  decision.key_id = std::move(key_id);
  decision.user = "u1";
  decision.workspace = "w1";
  decision.as_of = as_of;
  return decision;
}

Invalidation key_event(Invalidation::Type type, std::string key_id, Position at) {
  Invalidation event;
  event.type = type;
  event.sequence = at.sequence;
  event.key_id = std::move(key_id);
  event.epoch = at.epoch;
  return event;
}
Invalidation key_revoked(std::string key_id, Position at) {
  return key_event(Invalidation::Type::key_revoked, std::move(key_id), at);
}
Invalidation owner_revoked(Scope scope, std::string id, Position at) {
  Invalidation event;
  event.type = Invalidation::Type::owner_revoked;
  event.sequence = at.sequence;
  event.scope = scope;
  event.owner_id = std::move(id);
  event.epoch = at.epoch;
  return event;
}

Invalidation within(Invalidation event, Scope scope, std::string id) {
  event.within[static_cast<std::size_t>(scope)] = std::move(id);
  return event;
}

class NearCacheTest : public testing::Test {
 protected:
  NearCacheTest() { cache.flush({3, 100}); }
  std::optional<State> state(std::uint64_t number, UnixMs now = 0) const {
    const auto decision = cache.find(digest_of(number), now);
    return decision ? std::optional(decision->state) : std::nullopt;
  }
  NearCache cache{{.max_entries = 1000, .max_marks = 1000}};
};

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

TEST_F(NearCacheTest, AnswersWhatItWasTold) {
  EXPECT_EQ(state(1), std::nullopt);
  EXPECT_TRUE(cache.fill(digest_of(1), decision_of("k1", {3, 100})));
  EXPECT_EQ(state(1), State::active);
  IdBuffer buffer;
  EXPECT_EQ(cache.find(digest_of(1), 0)->key_id(buffer), "k1");
  EXPECT_EQ(state(2), std::nullopt);
  EXPECT_EQ(cache.size().entries, 1u);
}

TEST_F(NearCacheTest, AnswersLongIdsAndManyPermissionsAsWell) {
  const std::string long_id(engine::max_owner_id_size, 'w');
  auto decision = decision_of("k1", {3, 100});
  decision.workspace = long_id;
  decision.permissions = std::string(5000, 'p');
  EXPECT_TRUE(cache.fill(digest_of(1), decision));
  const auto found = cache.find(digest_of(1), 0);
  ASSERT_TRUE(found);
  IdBuffer buffer;
  EXPECT_EQ(found->key_id(buffer), "k1");
  EXPECT_EQ(found->owner(Scope::user, buffer), "u1");
  EXPECT_EQ(found->owner(Scope::application, buffer), "");
  EXPECT_EQ(found->owner(Scope::workspace, buffer), long_id);
  EXPECT_EQ(found->permissions(), decision.permissions);

  cache.apply(owner_revoked(Scope::workspace, long_id, {3, 101}));
  EXPECT_EQ(state(1), std::nullopt);
  decision.as_of = {3, 101};
  EXPECT_TRUE(cache.fill(digest_of(1), decision));
  cache.apply(key_revoked("k1", {3, 102}));
  EXPECT_EQ(state(1), State::revoked);
  EXPECT_TRUE(cache.fill(digest_of(1), decision_of("k1", {3, 103}, State::revoked)));
  EXPECT_EQ(cache.find(digest_of(1), 0)->owner(Scope::workspace, buffer), "w1");
  EXPECT_EQ(found->owner(Scope::workspace, buffer), long_id) << "an answer stays unchanged";
}

TEST_F(NearCacheTest, KeepsEveryPermissionTextHoweverManyThereAre) {
  constexpr std::uint64_t texts = 5000;
  NearCache large{{.max_entries = 10'000, .max_marks = 10}};
  large.flush({3, 100});
  const auto text_of = [](std::uint64_t i) { return "documents:" + std::to_string(i); };
  for (std::uint64_t i = 0; i < texts; ++i) {
    auto decision = decision_of("k" + std::to_string(i), {3, 100});
    decision.permissions = text_of(i);
    ASSERT_TRUE(large.fill(digest_of(i), std::move(decision)));
  }
  for (std::uint64_t i = 0; i < texts; ++i) {
    const auto found = large.find(digest_of(i), 0);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->permissions(), text_of(i));
  }
}

TEST_F(NearCacheTest, RefusesWhatItCannotHoldExactly) {
  EXPECT_FALSE(
      cache.fill(digest_of(1), decision_of(std::string(engine::max_key_id_size + 1, 'k'), {3, 100})));
  cache.flush({std::uint64_t{1} << 32, 100});
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of("k1", {std::uint64_t{1} << 32, 100})));
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

TEST_F(NearCacheTest, KeepsScopesApart) {
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  cache.apply(owner_revoked(Scope::application, "u1", {3, 101}));
  cache.apply(owner_revoked(Scope::workspace, "u1", {3, 102}));
  EXPECT_EQ(state(1), State::active);
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

TEST_F(NearCacheTest, KeepsNoUnknownAndNoSuspendedAndDropsWhatTheyContradict) {
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of("k1", {3, 101}, State::suspended)));
  EXPECT_EQ(state(1), std::nullopt);
  EXPECT_FALSE(cache.fill(digest_of(2), decision_of("", {3, 101}, State::unknown)));
  EXPECT_EQ(state(2), std::nullopt);
}

TEST_F(NearCacheTest, AsksAgainAboutAnExpiredKeyWhenTheEnginesClockIsSetBack) {
  auto decision = decision_of("k1", {3, 100}, State::expired);
  decision.expires_at = 5000;
  cache.fill(digest_of(1), decision);
  EXPECT_EQ(state(1, 5000), State::expired);
  EXPECT_FALSE(cache.find(digest_of(1), 4999));
}

TEST_F(NearCacheTest, HearsayMakesItAskAgainAndKeepsNothingAskedBefore) {
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  cache.fill(digest_of(2), decision_of("k2", {3, 100}));
  const auto asked = cache.moment();
  cache.doubt(key_revoked("k1", {3, Sequence{1} << 62}));
  EXPECT_FALSE(cache.find(digest_of(1), 0));
  EXPECT_TRUE(cache.find(digest_of(2), 0));
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of("k1", {3, 101}), asked));
  EXPECT_TRUE(cache.is_doubted(decision_of("k1", {3, 101}), asked));
  EXPECT_TRUE(cache.fill(digest_of(1), decision_of("k1", {3, 101}), cache.moment()));
  EXPECT_TRUE(cache.find(digest_of(1), 0)) << "whatever sequence the unsigned event had";
}

TEST_F(NearCacheTest, HearsayAboutAnOwnerMakesItAskAgainAboutThatOwnersKeysOnly) {
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
  cache.doubt(event);
  EXPECT_FALSE(cache.find(digest_of(1), 0));
  EXPECT_TRUE(cache.find(digest_of(2), 0));
  EXPECT_FALSE(cache.fill(digest_of(1), ours, asked));
  EXPECT_TRUE(cache.fill(digest_of(1), ours, cache.moment()));
  EXPECT_TRUE(cache.find(digest_of(1), 0));
}

TEST_F(NearCacheTest, HearsayAboutAnOwnerWithinAnotherMakesItAskAgainAboutWhatHasBothOnly) {
  auto elsewhere = decision_of("k2", {3, 100});
  elsewhere.workspace = "w2";
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  cache.fill(digest_of(2), elsewhere);
  const auto asked = cache.moment();
  cache.doubt(within(owner_revoked(Scope::user, "u1", {3, Sequence{1} << 62}), Scope::workspace, "w1"));
  EXPECT_FALSE(cache.find(digest_of(1), 0));
  EXPECT_TRUE(cache.find(digest_of(2), 0));
  EXPECT_TRUE(cache.is_doubted(decision_of("k1", {3, 101}), asked));
  EXPECT_FALSE(cache.is_doubted(elsewhere, asked));
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of("k1", {3, 101}), asked));
  EXPECT_TRUE(cache.fill(digest_of(1), decision_of("k1", {3, 101}), cache.moment()));
  EXPECT_TRUE(cache.find(digest_of(1), 0));
}

TEST_F(NearCacheTest, AnswersExpiredFromTheMomentOfExpiry) {
  auto decision = decision_of("k1", {3, 100});
  decision.expires_at = 5000;
  cache.fill(digest_of(1), decision);
  EXPECT_EQ(state(1, 4999), State::active);
  EXPECT_EQ(state(1, 5000), State::expired);
  cache.apply(key_revoked("k1", {3, 101}));
  EXPECT_EQ(state(1, 5000), State::revoked);
}

TEST_F(NearCacheTest, TakesNothingBeforeTheFirstFlush) {
  NearCache fresh({});
  EXPECT_FALSE(fresh.fill(digest_of(1), decision_of("k1", {3, 100})));
}

TEST_F(NearCacheTest, AFlushDropsEverythingAndRefusesWhatIsOlder) {
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  cache.apply(key_revoked("k2", {3, 101}));
  cache.apply(owner_revoked(Scope::user, "u1", {3, 102}));
  cache.flush({3, 200});
  EXPECT_EQ(state(1), std::nullopt);
  EXPECT_EQ(cache.size().entries, 0u);
  EXPECT_EQ(cache.size().marks, 0u);
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of("k1", {3, 199})));
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of("k1", {4, 300})));
  EXPECT_TRUE(cache.fill(digest_of(1), decision_of("k1", {3, 200})));
}

TEST_F(NearCacheTest, KeepsItsEntriesIntoTheNextEpochButTakesNoMoreOfTheOld) {
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  cache.advance(4);
  EXPECT_EQ(state(1), State::active);
  EXPECT_FALSE(cache.fill(digest_of(2), decision_of("k2", {3, 100})));
  EXPECT_TRUE(cache.fill(digest_of(2), decision_of("k2", {4, 101})));
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

TEST(NearCacheBounds, HoldNoMoreEntriesThanAllowedAndFindTheRest) {
  NearCache cache({.max_entries = 100, .max_marks = 100});
  cache.flush({1, 0});
  for (std::uint64_t i = 0; i < 5000; ++i) {
    cache.fill(digest_of(i), decision_of("k" + std::to_string(i), {1, 1}));
    cache.find(digest_of(0), 0);
  }
  EXPECT_EQ(cache.size().entries, 100u);
  EXPECT_TRUE(cache.find(digest_of(0), 0)) << "used entries stay";
  std::size_t found = 0;
  for (std::uint64_t i = 0; i < 5000; ++i) found += cache.find(digest_of(i), 0).has_value();
  EXPECT_EQ(found, 100u);
  for (std::uint64_t i = 0; i < 5000; ++i) cache.apply(key_revoked("k" + std::to_string(i), {1, 2 + i}));
  for (std::uint64_t i = 0; i < 5000; ++i) {
    const auto decision = cache.find(digest_of(i), 0);
    EXPECT_TRUE(!decision || decision->state == State::revoked);
  }
}

TEST(NearCacheBounds, ForgottenMarksBecomeTheFloor) {
  NearCache cache({.max_entries = 100, .max_marks = 8});
  cache.flush({1, 0});
  auto decision = decision_of("kept", {1, 5});
  decision.user = "someone";
  cache.fill(digest_of(1), decision);
  for (Sequence s = 10; s < 100; ++s) {
    cache.apply(owner_revoked(Scope::user, "u" + std::to_string(s), {1, s}));
    cache.apply(key_revoked("k" + std::to_string(s), {1, s}));
  }
  EXPECT_LE(cache.size().marks, 8u);
  EXPECT_FALSE(cache.find(digest_of(1), 0)) << "older than a dropped mark";
  EXPECT_FALSE(cache.fill(digest_of(2), decision_of("k10", {1, 9})));
  EXPECT_FALSE(cache.fill(digest_of(1), decision));
  decision.as_of = {1, 99};
  EXPECT_TRUE(cache.fill(digest_of(1), decision));
}

TEST(NearCacheBounds, RevokedKeysByTheThousandsDoNotDriveOutTheLiving) {
  NearCache cache({.max_entries = 100, .max_marks = 8});
  cache.flush({1, 0});
  cache.fill(digest_of(1), decision_of("alive", {1, 1}));
  for (Sequence s = 2; s < 1000; ++s) cache.apply(key_revoked("k" + std::to_string(s), {1, s}));
  EXPECT_TRUE(cache.find(digest_of(1), 0));
}

// Resident memory of this process.
std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::string uuid_of(std::uint64_t number) {
  char text[37];
  std::snprintf(text, sizeof text, "0192f0c1-7a3b-7def-8123-%012llx",
                static_cast<unsigned long long>(number & 0xffff'ffff'ffff));
  return text;
}

// Resident bytes per entry of a cache after `fills` fills.
std::size_t bytes_an_entry(std::size_t entries, std::uint64_t fills, std::size_t max_long_bytes,
                           const std::function<void(std::uint64_t, Decision&)>& change) {
  const auto before = resident_bytes();
  NearCache cache({.max_entries = entries, .max_marks = 1000, .max_long_bytes = max_long_bytes});
  cache.flush({1, 0});
  for (std::uint64_t i = 0; i < fills; ++i) {
    auto decision = decision_of(uuid_of(i), {1, 1});
    change(i, decision);
    EXPECT_TRUE(cache.fill(digest_of(i), std::move(decision)));
    EXPECT_LE(cache.size().long_bytes, max_long_bytes);
  }
  EXPECT_TRUE(cache.find(digest_of(fills - 1), 0));
  return (resident_bytes() - before) / entries;
}

TEST(NearCacheBounds, LongIdsAndPermissionsCountInBytes) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitized program's memory says nothing";
#endif
  constexpr std::size_t entries = 100'000;
  const auto short_ids = bytes_an_entry(entries, 2 * entries, 10 << 20, [](std::uint64_t, Decision&) {});
  const auto long_ids =
      bytes_an_entry(entries, 2 * entries, 10 << 20, [](std::uint64_t i, Decision& decision) {
        decision.user = std::string(120, 'u') + std::to_string(i);
        decision.workspace = std::string(120, 'w');
      });
  const auto many_permissions =
      bytes_an_entry(entries, 2 * entries, 10 << 20, [](std::uint64_t i, Decision& decision) {
        decision.permissions = std::string(4000, 'p') + std::to_string(i);
      });
  RecordProperty("bytes_an_entry", static_cast<int>(short_ids));
  std::printf("bytes an entry: %zu, with long ids %zu, with long permissions %zu\n", short_ids, long_ids,
              many_permissions);
  EXPECT_LE(short_ids, 200u);
  EXPECT_LE(long_ids, 200u + (10 << 20) / entries * 3 / 2);
  EXPECT_LE(many_permissions, 200u + (10 << 20) / entries * 3 / 2);
}

TEST(NearCacheBounds, TheLongDecisionThatCameFirstGoesFirst) {
  NearCache cache({.max_entries = 1000, .max_marks = 10, .max_long_bytes = 100'000});
  cache.flush({1, 0});
  const auto long_decision = [](std::uint64_t i) {
    auto decision = decision_of(uuid_of(i), {1, 1});
    decision.workspace = std::string(120, 'w');
    return decision;
  };
  for (std::uint64_t i = 0; i < 500; ++i) {
    ASSERT_TRUE(cache.fill(digest_of(i), long_decision(i)));
    ASSERT_TRUE(cache.find(digest_of(i), 0));
    ASSERT_TRUE(cache.fill(digest_of(i), long_decision(i))) << "again";
  }
  EXPECT_LE(cache.size().long_bytes, 100'000u);
  EXPECT_GE(cache.size().entries, 100u);
  EXPECT_FALSE(cache.find(digest_of(0), 0));
  cache.apply(key_revoked(uuid_of(499), {1, 2}));
  EXPECT_EQ(cache.find(digest_of(499), 0)->state, State::revoked);
  for (std::uint64_t i = 500; i < 1500; ++i)
    ASSERT_TRUE(cache.fill(digest_of(i), decision_of(uuid_of(i), {1, 1})));
  EXPECT_EQ(cache.size().entries, 1000u);
  auto huge = decision_of("k", {1, 1});
  huge.permissions = std::string(200'000, 'p');
  EXPECT_FALSE(cache.fill(digest_of(9999), huge)) << "exceeds the bound alone";
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

TEST(NearCacheBounds, AnEntryWithThreeOwnersTakesAtMost200Bytes) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitized program's memory says nothing";
#endif
  constexpr std::uint64_t entries = 200'000;
  const auto before = resident_bytes();
  NearCache cache({.max_entries = entries, .max_marks = 1000});
  cache.flush({1, 0});
  for (std::uint64_t i = 0; i < entries; ++i) {
    auto decision = decision_of(uuid_of(4 * i), {1, 1});
    decision.user = uuid_of(4 * i + 1);
    decision.application = uuid_of(4 * i + 2);
    decision.workspace = uuid_of(4 * i + 3);
    decision.permissions = "documents:read documents:write";
    ASSERT_TRUE(cache.fill(digest_of(i), std::move(decision)));
  }
  EXPECT_LE((resident_bytes() - before) / entries, 200u);
  const auto found = cache.find(digest_of(17), 0);
  ASSERT_TRUE(found);
  IdBuffer buffer;
  EXPECT_EQ(found->key_id(buffer), uuid_of(4 * 17));
  EXPECT_EQ(found->owner(Scope::workspace, buffer), uuid_of(4 * 17 + 3));
  EXPECT_EQ(found->permissions(), "documents:read documents:write");
}

// One thread revokes, the others look up and fill with answers from before and after. The oracle is the
// sequence applied before the look-up.
TEST(NearCacheThreads, NeverAllowWhatWasEndedBeforeTheLookUp) {
  constexpr std::uint64_t keys = 4000;
  constexpr std::uint64_t users = 50;
  NearCache cache({.max_entries = 1500, .max_marks = 400});
  cache.flush({1, 0});
  std::atomic<Sequence> applied{0};
  std::atomic<int> wrong{0};
  std::atomic<std::uint64_t> looked_up{0};
  std::atomic<std::uint64_t> allowed{0};
  // Event s revokes key s, or for every 40th s user (s / 40) % users, so each key's end is known.
  const auto is_owner_event = [](Sequence s) { return s % 40 == 0; };
  const auto user_of = [](std::uint64_t key) { return key % users; };
  const auto revoked_at = [&](std::uint64_t key) -> Sequence {
    Sequence first = is_owner_event(key) ? keys : key;
    for (Sequence s = 40; s < first; s += 40) {
      if ((s / 40) % users == user_of(key)) first = s;
    }
    return first;
  };
  std::vector<Sequence> end(keys);
  for (std::uint64_t key = 1; key < keys; ++key) end[key] = revoked_at(key);

  const auto work = [&](unsigned seed) {
    std::mt19937 random(seed);
    while (applied.load() + 1 < keys) {
      const auto key = 1 + random() % (keys - 1);
      // A delayed answer.
      const Sequence now = applied.load();
      const Sequence as_of = now - std::min<Sequence>(now, random() % 50);
      auto decision = decision_of("k" + std::to_string(key), {1, as_of});
      decision.user = "u" + std::to_string(user_of(key));
      decision.workspace.clear();
      if (as_of >= end[key]) decision.state = State::revoked;
      cache.fill(digest_of(key), std::move(decision));
      const auto other = random() % 2 ? key : 1 + random() % (keys - 1);
      const Sequence known = applied.load();
      const auto found = cache.find(digest_of(other), 0);
      ++looked_up;
      if (!found || found->state != State::active) continue;
      ++allowed;
      if (end[other] <= known) ++wrong;
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 3; ++i) threads.emplace_back(work, i);
  for (Sequence s = 1; s < keys; ++s) {
    cache.apply(is_owner_event(s) ? owner_revoked(Scope::user, "u" + std::to_string((s / 40) % users), {1, s})
                                  : key_revoked("k" + std::to_string(s), {1, s}));
    applied = s;
    // Keeps pace with the other threads on any number of processors; they exit after the last event.
    while (looked_up < s * 8 && s + 1 < keys) std::this_thread::yield();
    if (s % 1000 == 0) cache.flush({1, s});
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(allowed, 0u);
  EXPECT_LE(cache.size().entries, 1500u);
  EXPECT_LE(cache.size().marks, 400u);
}

// Far more secrets than entries, so that entries are reused constantly.
TEST(NearCacheThreads, ALookUpAnswersWhatBelongsToItsSecret) {
  constexpr std::uint64_t secrets = 64;
  NearCache cache({.max_entries = 4, .max_marks = 100});
  cache.flush({1, 0});
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> found{0};
  std::atomic<int> wrong{0};
  const auto look_up = [&](std::uint64_t number) {
    IdBuffer buffer;
    while (!done) {
      number = (number + 1) % secrets;
      const auto decision = cache.find(digest_of(number), 0);
      if (!decision) continue;
      ++found;
      const auto belongs = decision->key_id(buffer) == uuid_of(number) &&
                           decision->owner(Scope::user, buffer) == uuid_of(number + 100) &&
                           decision->owner(Scope::workspace, buffer) == uuid_of(number + 200) &&
                           decision->permissions() == "documents:" + std::to_string(number);
      if (!belongs || decision->as_of.sequence % secrets != number) ++wrong;
    }
  };
  std::thread first(look_up, 0), second(look_up, secrets / 2);
  for (Sequence s = 1; s < 20'000 || found < 100; ++s) {
    const auto number = s % secrets;
    auto decision = decision_of(uuid_of(number), {1, s});
    decision.user = uuid_of(number + 100);
    decision.workspace = uuid_of(number + 200);
    decision.permissions = "documents:" + std::to_string(number);
    cache.fill(digest_of(number), std::move(decision));
    if (s % 64 == 0) std::this_thread::yield();
  }
  done = true;
  first.join();
  second.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace revoked::cache::near_cache_test
