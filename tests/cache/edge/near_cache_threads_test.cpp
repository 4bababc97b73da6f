#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "tests/cache/edge/near_cache_samples.hpp"

namespace revoked::cache::near_cache_threads_test {

using test::decision_of;
using test::digest_of;
using test::key_revoked;
using test::owner_revoked;
using test::uuid_of;
using State = Decision::State;

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

}  // namespace revoked::cache::near_cache_threads_test
