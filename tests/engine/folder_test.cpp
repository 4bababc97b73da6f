#include "engine/folder.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/engine/engine_harness.hpp"
#include "tests/support/eventually.hpp"

namespace revoked::engine::folder_test {

using revoked::test::eventually;
using test::FakeDisk;
using test::FakeStore;
using test::Harness;

TEST(Folder, LeavesABusyJournalAloneButNotForEver) {
  constexpr Sequence max_lag = 2000;
  const auto disk = std::make_shared<FakeDisk>();
  Engine::Options options;
  options.folding.lag = 1;
  options.folding.rush = 0;  // busy as soon as anything happens
  options.folding.max_lag = max_lag;
  Harness engine([disk] { return std::make_unique<FakeStore>(disk); }, options);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  Sequence before = 0;
  for (int i = 0; engine.store().folded_to() == 0 && std::chrono::steady_clock::now() < deadline; ++i) {
    before = engine->durable();
    ASSERT_TRUE(engine.create("key" + std::to_string(i)));
    engine.settle();
    if (i % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_GE(before + 1, max_lag);
  // Once it is calm all of it is folded.
  EXPECT_TRUE(eventually([&] { return engine.store().folded_to() == engine->durable(); }));
}

TEST(Folder, HasLeisureBeforeAllIsFolded) {
  constexpr Sequence events = 1000;
  FakeStore store(std::make_shared<FakeDisk>());
  Journal journal(store, 1, 0, [] {});
  for (Sequence i = 0; i < events; ++i) {
    Journal::Turn turn(journal);
    EventView event;
    event.type = EventType::key_revoked;
    event[Field::key_id] = "k";
    turn.append(event);
  }
  ASSERT_TRUE(journal.wait_until_durable(events));
  Folder::Options options;
  options.lag = 1;
  options.batch = 10;
  std::atomic<int> between = 0;
  Folder folder(store, journal, options,
                [&](const auto&) { between += store.folded_to() != 0 && store.folded_to() != events; });
  EXPECT_TRUE(eventually([&] { return store.folded_to() == events; }));
  EXPECT_EQ(between, events / options.batch - 1);
}

}  // namespace revoked::engine::folder_test
