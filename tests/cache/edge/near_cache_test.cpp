#include "cache/edge/near_cache.hpp"

#include <gtest/gtest.h>

#include "tests/cache/edge/near_cache_samples.hpp"

namespace revoked::cache::near_cache_test {

using test::decision_of;
using test::digest_of;
using test::key_revoked;
using test::NearCacheTest;
using test::owner_revoked;
using State = Decision::State;

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

TEST_F(NearCacheTest, KeepsNoUnknownAndNoSuspended) {
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of("k1", {3, 101}, State::suspended)));
  EXPECT_EQ(state(1), std::nullopt);
  EXPECT_FALSE(cache.fill(digest_of(2), decision_of("", {3, 101}, State::unknown)));
  EXPECT_EQ(state(2), std::nullopt);
}

TEST_F(NearCacheTest, DropsEveryDecisionButARevokedOne) {
  cache.fill(digest_of(1), decision_of("k1", {3, 100}));
  cache.fill(digest_of(2), decision_of("k2", {3, 100}, State::revoked));
  for (const int secret : {1, 2, 3}) cache.drop(digest_of(secret));
  EXPECT_EQ(state(1), std::nullopt);
  EXPECT_EQ(state(2), State::revoked);
}

TEST_F(NearCacheTest, AsksAgainAboutAnExpiredKeyWhenTheEnginesClockIsSetBack) {
  auto decision = decision_of("k1", {3, 100}, State::expired);
  decision.expires_at = 5000;
  cache.fill(digest_of(1), decision);
  EXPECT_EQ(state(1, 5000), State::expired);
  EXPECT_FALSE(cache.find(digest_of(1), 4999));
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

}  // namespace revoked::cache::near_cache_test
