#include "engine/base/read_section.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "tests/support/eventually.hpp"

namespace revoked::engine::read_section_test {

TEST(ReadSection, HoldsUpWhatWasUnlinkedMeanwhile) {
  std::uint64_t mark = 0;
  {
    const ReadSection section;
    { const ReadSection nested; }
    mark = ReadSection::unlinked();
    EXPECT_FALSE(ReadSection::all_ended_since(mark)) << "leaving a nested section does not end the outer one";
  }
  EXPECT_TRUE(ReadSection::all_ended_since(mark));
  const ReadSection later;
  EXPECT_TRUE(ReadSection::all_ended_since(mark)) << "it began after the mark";
}

TEST(ReadSection, OfAnotherThreadHoldsItUpAsWell) {
  std::atomic<int> step{0};
  std::thread reader([&] {
    const ReadSection section;
    step = 1;
    step.notify_all();
    step.wait(1);
  });
  step.wait(0);
  const auto mark = ReadSection::unlinked();
  EXPECT_FALSE(ReadSection::all_ended_since(mark));
  step = 2;
  step.notify_all();
  reader.join();
  EXPECT_TRUE(ReadSection::all_ended_since(mark));
}

// A slot that readers find through a pointer, and a writer that reuses it only when allowed.
TEST(ReadSection, NobodySeesWhatIsUsedAgain) {
  struct Record {
    int value = 0;
    int same = 0;
  };
  Record records[2];
  std::atomic<Record*> current{&records[0]};
  std::atomic<bool> over{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!over) {
        const ReadSection section;
        const Record* const record = current.load(std::memory_order_acquire);
        const int value = record->value;
        ASSERT_EQ(value, record->same);
      }
    });
  }
  // Readers preempted within a section delay each step.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  for (int i = 1; std::chrono::steady_clock::now() < until; ++i) {
    Record* const old = current.load();
    Record* const other = old == &records[0] ? &records[1] : &records[0];
    other->value = i;
    other->same = i;
    current.store(other, std::memory_order_release);
    const auto mark = ReadSection::unlinked();
    while (!ReadSection::all_ended_since(mark)) std::this_thread::yield();
  }
  over = true;
  for (auto& reader : readers) reader.join();
}

}  // namespace revoked::engine::read_section_test
