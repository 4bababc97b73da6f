#include "engine/batch_applier.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "tests/support/eventually.hpp"

namespace revoked::engine::batch_applier_test {

using revoked::test::eventually;

class BatchApplierTest : public testing::Test {
 protected:
  ~BatchApplierTest() override { unblock(); }

  result<void> add(std::size_t size = 1) {
    Batch batch;
    batch.begin(1, ++sequence_);
    EventView event;
    event.type = EventType::key_revoked;
    const std::string id(size, 'k');
    event[Field::key_id] = id;
    batch.append(event);
    return applier_.add(batch.view());
  }
  void block() { set_blocked(true); }
  void unblock() { set_blocked(false); }
  void set_blocked(bool blocked) {
    const std::scoped_lock lock(mutex_);
    blocked_ = blocked;
    changed_.notify_all();
  }
  void fail() {
    const std::scoped_lock lock(mutex_);
    fails_ = true;
  }
  std::vector<Sequence> applied() {
    const std::scoped_lock lock(mutex_);
    return applied_;
  }
  int calls() {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool blocked_ = false;
  bool fails_ = false;
  int calls_ = 0;
  std::vector<Sequence> applied_;
  Sequence sequence_ = 0;
  BatchApplier applier_{[this](const std::vector<BatchView>& batches) {
    std::unique_lock lock(mutex_);
    ++calls_;
    changed_.wait(lock, [this] { return !blocked_; });
    if (fails_) return false;
    for (const auto& batch : batches) applied_.push_back(batch.first());
    return true;
  }};
};

TEST_F(BatchApplierTest, AppliesAllInOrder) {
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(add());
  ASSERT_TRUE(applier_.wait());
  EXPECT_TRUE(applier_.is_idle());
  ASSERT_EQ(applied().size(), 1000u);
  EXPECT_TRUE(std::is_sorted(applied_.begin(), applied_.end()));
  EXPECT_LT(calls(), 1000);  // many at a time
}

TEST_F(BatchApplierTest, AppliesWithoutBeingAsked) {
  ASSERT_TRUE(add());
  EXPECT_TRUE(eventually([&] { return applier_.is_idle(); }));
  EXPECT_THAT(applied(), testing::ElementsAre(1));
}

TEST_F(BatchApplierTest, NobodyWaitsForTheTables) {
  block();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(add());
  EXPECT_FALSE(applier_.is_idle());
  EXPECT_THAT(applied(), testing::IsEmpty());
  unblock();
  EXPECT_TRUE(applier_.wait());
  EXPECT_EQ(applied().size(), 100u);
}

TEST_F(BatchApplierTest, UntilTooMuchHasGathered) {
  block();
  std::atomic<int> added = 0;
  std::thread adds([&] {
    for (; added < 500; ++added) ASSERT_TRUE(add(60'000));
  });
  int before = 0;
  int polls = 0;  // that found it where it was
  EXPECT_TRUE(eventually([&] {
    const int now = added;
    polls = std::exchange(before, now) == now ? polls + 1 : 0;
    return added > 50 && polls == 20;
  }));
  EXPECT_LT(added, 200);  // about four megabytes on either side of `apply`
  unblock();
  adds.join();
  EXPECT_TRUE(applier_.wait());
  EXPECT_EQ(applied().size(), 500u);
}

TEST_F(BatchApplierTest, P11NothingIsTakenAfterAFailure) {
  fail();
  ASSERT_TRUE(add());
  EXPECT_EQ(applier_.wait().error(), errc::storage_failed);
  EXPECT_EQ(add().error(), errc::storage_failed);
  EXPECT_EQ(applier_.wait().error(), errc::storage_failed);
  EXPECT_EQ(calls(), 1);
}

TEST(BatchApplierEnd, AppliesWhatHasBeenAdded) {
  int applied = 0;
  {
    BatchApplier applier([&](const std::vector<BatchView>& batches) {
      applied += static_cast<int>(batches.size());
      return true;
    });
    Batch batch;
    batch.begin(1, 1);
    batch.append(EventView{});
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(applier.add(batch.view()));
  }
  EXPECT_EQ(applied, 10);
}

}  // namespace revoked::engine::batch_applier_test
