// Decisions on keys whose owners are locked and unlocked.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "tests/cache/edge/near_cache_samples.hpp"

namespace revoked::cache::near_cache_locks_test {

using test::digest_of;
using test::owner_event;
using State = Decision::State;
using Type = Invalidation::Type;

Decision decision_of(Position as_of, State state, std::optional<UnixMs> until = {}) {
  Decision decision;
  decision.state = state;
  decision.key_id = "k1";
  decision.user = "u1";
  decision.workspace = "w1";
  decision.as_of = as_of;
  decision.locked_until = until;
  return decision;
}

class NearCacheLocks : public test::NearCacheTest {
 protected:
  std::optional<State> state(UnixMs now = 0) const { return NearCacheTest::state(1, now); }
  bool fill(Decision decision) { return cache.fill(digest_of(1), std::move(decision)); }
};

TEST_F(NearCacheLocks, ALockEndsWhatIsOlder) {
  ASSERT_TRUE(fill(decision_of({3, 100}, State::active)));
  cache.apply(owner_event(Type::owner_locked, Scope::user, "u1", {3, 101}));
  EXPECT_EQ(state(), std::nullopt);
  EXPECT_FALSE(fill(decision_of({3, 100}, State::active))) << "older than the lock";
  EXPECT_TRUE(fill(decision_of({3, 101}, State::locked)));
  EXPECT_EQ(state(), State::locked) << "without asking each time";
}

TEST_F(NearCacheLocks, AnUnlockingEndsTheDenial) {
  ASSERT_TRUE(fill(decision_of({3, 101}, State::locked)));
  const auto unlocked = owner_event(Type::owner_unlocked, Scope::user, "u1", {3, 102});
  cache.apply(test::within(unlocked, Scope::workspace, "w2"));
  EXPECT_EQ(state(), State::locked) << "of others";
  cache.apply(owner_event(Type::owner_unlocked, Scope::user, "u1", {3, 103}));
  EXPECT_EQ(state(), std::nullopt) << "must be asked about";
  // The engine has published it, but not synced it.
  EXPECT_FALSE(fill(decision_of({3, 102}, State::locked)));
  EXPECT_TRUE(fill(decision_of({3, 103}, State::active)));
  EXPECT_EQ(state(), State::active);
}

TEST_F(NearCacheLocks, AsksAgainWhenTheLockEnds) {
  ASSERT_TRUE(fill(decision_of({3, 101}, State::locked, 5000)));
  EXPECT_EQ(state(4999), State::locked);
  EXPECT_EQ(state(5000), std::nullopt);
  EXPECT_TRUE(fill(decision_of({3, 101}, State::active)));
  EXPECT_EQ(state(5000), State::active);
}

TEST_F(NearCacheLocks, AsksAgainWhenTheLockedKeyExpires) {
  auto decision = decision_of({3, 101}, State::locked, 5000);
  decision.expires_at = 3000;
  ASSERT_TRUE(fill(decision));
  EXPECT_EQ(state(2999), State::locked);
  EXPECT_EQ(state(3000), std::nullopt);
}

TEST_F(NearCacheLocks, AsksOnceMoreAboutALockOfAnEarlierEpoch) {
  ASSERT_TRUE(fill(decision_of({3, 101}, State::locked)));
  cache.advance(4);
  EXPECT_EQ(state(), std::nullopt) << "it may never have been durable";
  EXPECT_TRUE(fill(decision_of({4, 101}, State::active)));
  EXPECT_EQ(state(), State::active);
}

TEST_F(NearCacheLocks, BringNoRevokedKeyBack) {
  ASSERT_TRUE(fill(decision_of({3, 101}, State::locked)));
  cache.apply(test::key_revoked("k1", {3, 102}));
  EXPECT_EQ(state(), State::revoked);
  EXPECT_FALSE(fill(decision_of({3, 103}, State::locked)));
  EXPECT_EQ(state(), State::revoked);
}

TEST_F(NearCacheLocks, AnUnsignedEventMakesItAskAgain) {
  ASSERT_TRUE(fill(decision_of({3, 101}, State::locked)));
  const auto asked = cache.moment();
  cache.recheck(owner_event(Type::owner_unlocked, Scope::user, "u1", {3, Sequence{1} << 62}));
  EXPECT_EQ(state(), std::nullopt);
  EXPECT_FALSE(cache.fill(digest_of(1), decision_of({3, 102}, State::locked), asked));
  EXPECT_TRUE(fill(decision_of({3, 102}, State::locked)));
}

// ---- random events and answers, checked against the list of events

constexpr std::uint64_t keys = 12;

std::string user_of(std::uint64_t key) { return "u" + std::to_string(key % 3); }
std::string workspace_of(std::uint64_t key) { return "w" + std::to_string(key % 2); }

bool is_about(const Invalidation& event, std::uint64_t key) {
  if (!event.is_of_owner()) return event.key_id == "k" + std::to_string(key);
  const auto& within = event.within[static_cast<std::size_t>(Scope::workspace)];
  if (event.scope == Scope::workspace) return event.owner_id == workspace_of(key);
  return event.owner_id == user_of(key) && (within.empty() || within == workspace_of(key));
}

// The key's state after event `at`; event s is number s.
State truth(const std::vector<Invalidation>& events, std::uint64_t key, Sequence at) {
  std::set<std::tuple<Scope, std::string, std::string>> locks;
  for (Sequence s = 1; s <= at; ++s) {
    const auto& event = events[s - 1];
    if (!is_about(event, key)) continue;
    const std::tuple lock{event.scope, event.owner_id, event.within[2]};
    if (event.type == Type::owner_locked) {
      locks.insert(lock);
    } else if (event.type == Type::owner_unlocked) {
      locks.erase(lock);
    } else {
      return State::revoked;
    }
  }
  return locks.empty() ? State::active : State::locked;
}

Invalidation random_event(std::mt19937_64& random, Sequence sequence) {
  const auto dice = random() % 100;
  const auto key = random() % keys;
  const auto type = dice < 48 ? Type::owner_locked : dice < 97 ? Type::owner_unlocked : Type::key_revoked;
  auto event = owner_event(type, random() % 3 ? Scope::user : Scope::workspace, user_of(key), {1, sequence});
  if (event.scope == Scope::workspace) {
    event.owner_id = workspace_of(key);
  } else if (random() % 2) {
    event.within[static_cast<std::size_t>(Scope::workspace)] = workspace_of(key);
  }
  if (type == Type::key_revoked) event.key_id = "k" + std::to_string(key);
  return event;
}

TEST(NearCacheLocksAtRandom, AnswerWhatTheEngineWouldHaveAnsweredSinceWhatWasApplied) {
  int from_cache = 0, denied = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    NearCache cache({.max_entries = random() % 2 ? 64u : 4u, .max_marks = random() % 2 ? 64u : 4u});
    cache.flush({1, 0});
    std::vector<Invalidation> events;
    Sequence applied = 0;
    for (int step = 0; step < 400 && !testing::Test::HasFailure(); ++step) {
      const auto dice = random() % 10;
      const auto key = random() % keys;
      if (dice == 0) {
        events.push_back(random_event(random, events.size() + 1));
      } else if (dice == 1 && applied < events.size()) {
        cache.apply(events[applied++]);
      } else if (dice < 5) {
        // An answer that was delayed, or is ahead of the received events.
        const auto as_of = events.size() - std::min<Sequence>(events.size(), random() % 5);
        auto decision = decision_of({1, as_of}, truth(events, key, as_of));
        decision.key_id = "k" + std::to_string(key);
        decision.user = user_of(key);
        decision.workspace = workspace_of(key);
        cache.fill(digest_of(key), decision);
      } else if (const auto found = cache.find(digest_of(key), 0)) {
        ++from_cache;
        denied += found->state == State::locked;
        bool is_known = false;
        for (auto at = applied; at <= events.size(); ++at)
          is_known = is_known || truth(events, key, at) == found->state;
        ASSERT_TRUE(is_known) << "key " << key << " is reported in state " << static_cast<int>(found->state);
      }
    }
  }
  EXPECT_GT(from_cache, 5000);
  EXPECT_GT(denied, 1000);
}

}  // namespace revoked::cache::near_cache_locks_test
