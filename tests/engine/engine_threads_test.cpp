// Many threads on one engine. Most useful under ThreadSanitizer.

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::engine::engine_threads_test {

using revoked::test::sanitized;
using test::digest_of;
using test::FakeDisk;
using test::Harness;

std::string name(int thread, int i) { return "k" + std::to_string(thread) + "-" + std::to_string(i); }

TEST(EngineThreads, EveryKeyIsRevokedAndCountedOnce) {
  constexpr int threads = 4;
  constexpr int each = sanitized ? 1000 : 5000;
  const auto disk = std::make_shared<FakeDisk>();
  Harness engine(disk);
  std::atomic<std::uint64_t> one_by_one{0};
  std::atomic<std::uint64_t> by_owner{0};
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) {
        engine.create(name(t, i), {"u1", "a1"}).value();
        // Its own key, and a neighbour's that may not exist yet, or be revoked.
        if (i % 3 == 0 && !engine->revoke(name(t, i), "", {})->already) ++one_by_one;
        const auto other = engine->revoke(name((t + 1) % threads, i / 2), "", {});
        if (other && !other->already) ++one_by_one;
        if (i % 100 == 0) by_owner += engine->revoke_owner(Scope::user, "u1", "", {})->keys;
      }
    });
  }
  for (auto& thread : running) thread.join();
  by_owner += engine->revoke_owner(Scope::user, "u1", "", {})->keys;
  EXPECT_EQ(one_by_one + by_owner, static_cast<std::uint64_t>(threads) * each);
  // The application's counter decreased equally, without its own revocation.
  EXPECT_EQ(engine->revoke_owner(Scope::application, "a1", "", {})->keys, threads * each - one_by_one);
  engine.sync();
  engine.restart();
  for (int t = 0; t < threads; ++t) {
    for (int i = 0; i < each; ++i) ASSERT_EQ(engine.state(name(t, i)), KeyState::revoked);
  }
  EXPECT_EQ(engine->revoke_owner(Scope::user, "u1", "", {})->keys, 0u);
}

TEST(EngineThreads, AVerifyAfterARevocationDenies) {  // P4, on every thread that sees the answer
  constexpr int keys = sanitized ? 2000 : 20'000;
  const auto disk = std::make_shared<FakeDisk>();
  Harness engine(disk);
  for (int i = 0; i < keys; ++i) engine.create(name(0, i)).value();
  engine.sync();
  std::atomic<int> revoked{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&] {
      Decision decision;
      for (int seen = 0; seen < keys; seen = revoked.load(std::memory_order_acquire)) {
        if (seen == 0) continue;
        ASSERT_TRUE(engine->verify(digest_of(name(0, seen - 1)), 1, decision));
        ASSERT_EQ(decision.state, KeyState::revoked);
      }
    });
  }
  for (int i = 0; i < keys; ++i) {
    engine->revoke(name(0, i), "", {}).value();
    revoked.store(i + 1, std::memory_order_release);
  }
  for (auto& reader : readers) reader.join();
}

TEST(EngineThreads, AnAnswerHoldsForAllUpToItsPosition) {
  // A reader that sees a key active `as_of` a position at or after its revocation would corrupt a near cache.
  constexpr int keys = sanitized ? 2000 : 20'000;
  const auto disk = std::make_shared<FakeDisk>();
  Harness engine(disk);
  for (int i = 0; i < keys; ++i) engine.create(name(0, i), {"u" + std::to_string(i)}).value();
  engine.sync();
  std::vector<std::atomic<Sequence>> revoked_at(keys);
  std::atomic<int> at{0};
  struct Answer {
    int key;
    Sequence as_of;
  };
  std::vector<Answer> allowed;
  std::thread reader([&] {
    Decision decision;
    for (int i = at; i < keys; i = at) {
      ASSERT_TRUE(engine->verify(digest_of(name(0, i)), 1, decision));
      if (decision.state == KeyState::active) allowed.push_back({i, decision.as_of.sequence});
    }
  });
  for (int i = 0; i < keys; ++i) {
    at = i;
    revoked_at[i] = i % 2 == 0 ? engine->revoke(name(0, i), "", {})->sequence
                               : engine->revoke_owner(Scope::user, "u" + std::to_string(i), "", {})->sequence;
  }
  at = keys;
  reader.join();
  for (const auto& answer : allowed) ASSERT_LT(answer.as_of, revoked_at[answer.key]);
}

TEST(EngineThreads, P2AbsorbingNoReaderSeesAKeyBeforeItIsDurable) {
  constexpr int keys = sanitized ? 500 : 3000;
  const auto disk = std::make_shared<FakeDisk>();
  std::atomic<bool> done{false};
  std::atomic<int> created{0};
  std::mutex mutex;
  std::set<std::string, std::less<>> synced;
  disk->on_synced = [&](const BatchView& batch) {
    const std::scoped_lock lock(mutex);
    batch.for_each([&](Sequence, const EventView& event) { synced.emplace(event[Field::key_id]); });
  };
  const auto is_synced = [&](std::string_view id) {
    const std::scoped_lock lock(mutex);
    return synced.contains(id);
  };
  Harness engine(disk);
  std::thread reader([&] {
    Decision decision;
    while (!done) {
      const int i = created;
      ASSERT_TRUE(engine->verify(digest_of(name(0, i)), 1, decision));
      if (decision.state != KeyState::active) continue;
      ASSERT_TRUE(is_synced(name(0, i)));  // then visible
    }
  });
  for (int i = 0; i < keys; ++i) {
    created = i;
    ASSERT_TRUE(engine.wait_until_durable(engine.create(name(0, i))->sequence));
  }
  done = true;
  reader.join();
}

TEST(EngineThreads, StopsUnderLoad) {
  const auto disk = std::make_shared<FakeDisk>();
  Harness engine(disk);
  std::vector<std::thread> running;
  std::atomic<std::uint64_t> accepted{0};
  for (int t = 0; t < 3; ++t) {
    running.emplace_back([&, t] {
      for (int i = 0;; ++i) {
        const auto created = engine.create(name(t, i));
        if (!created) {
          ASSERT_EQ(created.error(), errc::not_ready);
          return;
        }
        ++accepted;
      }
    });
  }
  while (accepted < 1000) std::this_thread::yield();
  engine->stop();
  for (auto& thread : running) thread.join();
  EXPECT_EQ(engine->durable(), engine->applied());
  engine.restart();
  EXPECT_EQ(engine->size().keys, accepted);
}

}  // namespace revoked::engine::engine_threads_test
