#include "engine/index/indexer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>

#include "tests/support/eventually.hpp"

namespace revoked::engine::indexer_test {

using revoked::test::eventually;

// The content of the disk: an index in memory, and the log's batches.
struct Disk {
  std::mutex mutex;
  std::condition_variable changed;
  bool blocked = false;
  bool index_fails = false;
  bool index_is_lost = false;  // its content is lost when it is opened again
  int adds = 0;
  Indexed indexed;
  std::multiset<Sequence> found;
  std::vector<std::string> log;
  std::vector<std::string> reported;
  int reads = 0;
};

class DiskIndex final : public Index {
 public:
  explicit DiskIndex(Disk& disk) : disk_(disk) {}
  Indexed indexed() const override {
    const std::scoped_lock lock(disk_.mutex);
    return disk_.indexed;
  }
  result<void> add(const IndexEntries& entries, const Indexed& now) override {
    std::unique_lock lock(disk_.mutex);
    disk_.changed.wait(lock, [this] { return !disk_.blocked; });
    if (disk_.index_fails) return errc::storage_failed;
    ++disk_.adds;
    for (const auto& entry : entries.all()) disk_.found.insert(entry.sequence);
    disk_.indexed = now;
    return {};
  }
  result<void> scan(IndexKind, std::string_view, Sequence from,
                    const std::function<bool(Sequence)>& visit) const override {
    const std::scoped_lock lock(disk_.mutex);
    for (auto at = disk_.found.lower_bound(from); at != disk_.found.end() && visit(*at); ++at) {
    }
    return {};
  }
  result<void> flush() override { return {}; }
  std::string failure() const override { return "no room"; }

 private:
  Disk& disk_;
};

class DiskLog final : public Log {
 public:
  explicit DiskLog(Disk& disk) : disk_(disk) {}
  result<void> append(const BatchView& batch) override {
    const std::scoped_lock lock(disk_.mutex);
    disk_.log.emplace_back(batch.bytes());
    return {};
  }
  Sequence last() const override {
    const std::scoped_lock lock(disk_.mutex);
    return disk_.log.size();  // a batch has one event
  }
  result<void> read(Sequence from, const Visitor& visit) const override {
    {
      const std::scoped_lock lock(disk_.mutex);
      ++disk_.reads;
    }
    for (auto i = from - 1; i < last(); ++i) {
      std::string bytes;
      {
        const std::scoped_lock lock(disk_.mutex);
        bytes = disk_.log[i];
      }
      BatchView batch;
      EXPECT_TRUE(BatchView::parse(bytes, batch));
      if (!visit(batch)) break;
    }
    return {};
  }
  std::string failure() const override { return {}; }

 private:
  Disk& disk_;
};

class IndexerTest : public testing::Test {
 protected:
  ~IndexerTest() override { block(false); }

  void add(std::size_t size = 1) {
    Batch batch;
    batch.begin(1, ++sequence_);
    EventView event;
    event.type = EventType::key_suspended;
    const std::string id(size, 'k');
    event[Field::key_id] = id;
    batch.append(event);
    ASSERT_TRUE(log_.append(batch.view()));
    indexer_->add(batch.view());
  }
  void block(bool blocked) {
    const std::scoped_lock lock(disk_.mutex);
    disk_.blocked = blocked;
    disk_.changed.notify_all();
  }
  void fail(bool fails) {
    const std::scoped_lock lock(disk_.mutex);
    disk_.index_fails = fails;
  }
  void open(bool has_index = true) {
    indexer_.reset();
    indexer_ = std::make_unique<Indexer>(has_index ? std::make_unique<DiskIndex>(disk_) : nullptr, log_,
                                         Indexer::Source{[this](std::string&) { return reopen(); },
                                                         [this](std::string_view why) {
                                                           const std::scoped_lock lock(disk_.mutex);
                                                           disk_.reported.emplace_back(why);
                                                         }});
  }
  // Every event exactly once and in order.
  void expect_all_indexed() {
    ASSERT_TRUE(eventually([&] { return indexer_->wait().has_value(); }));
    EXPECT_EQ(indexer_->through(), sequence_);
    std::vector<Sequence> found;
    ASSERT_TRUE(
        indexer_->scan(IndexKind::key, "k", 1, [&](Sequence at) { return found.push_back(at), true; }));
    std::vector<Sequence> expected(sequence_);
    for (Sequence i = 0; i < sequence_; ++i) expected[i] = i + 1;
    EXPECT_EQ(found, expected);
  }

  Disk disk_;
  DiskLog log_{disk_};
  Sequence sequence_ = 0;
  std::unique_ptr<Indexer> indexer_;

 private:
  result<std::unique_ptr<Index>> reopen() {
    const std::scoped_lock lock(disk_.mutex);
    if (disk_.index_fails) return errc::storage_failed;
    if (std::exchange(disk_.index_is_lost, false)) {
      disk_.indexed = {};
      disk_.found.clear();
    }
    return std::unique_ptr<Index>(std::make_unique<DiskIndex>(disk_));
  }
};

TEST_F(IndexerTest, AddsManyBatchesAtATime) {
  open();
  for (int i = 0; i < 1000; ++i) add();
  expect_all_indexed();
  EXPECT_LT(disk_.adds, 1000);
  EXPECT_EQ(disk_.reads, 0) << "batches in memory are not read again";
}

TEST_F(IndexerTest, AddsWithoutBeingAsked) {
  open();
  add();
  EXPECT_TRUE(eventually([&] { return indexer_->through() == 1; }));
}

TEST_F(IndexerTest, HoldsUpNoCommitAndReadsLaterWhatItMissed) {
  open();
  block(true);
  for (int i = 0; i < 500; ++i) add(60'000);  // many times its buffer
  block(false);
  expect_all_indexed();
  EXPECT_GT(disk_.reads, 0);
}

TEST_F(IndexerTest, CatchesUpWithTheLogAtTheStart) {
  open();
  for (int i = 0; i < 50; ++i) add();
  expect_all_indexed();
  indexer_.reset();
  disk_.indexed = {};
  disk_.found.clear();
  open();
  expect_all_indexed();
}

TEST_F(IndexerTest, AFailureCostsOnlyTheIndexUntilItIsOpenedAgain) {
  for (const bool is_lost : {false, true}) {
    open();
    add();
    expect_all_indexed();
    fail(true);
    disk_.index_is_lost = is_lost;
    add();
    EXPECT_TRUE(eventually([&] { return indexer_->wait().has_error(); }));
    for (int i = 0; i < 10; ++i) add();
    EXPECT_EQ(indexer_->scan(IndexKind::key, "k", 1, [](Sequence) { return true; }).error(),
              errc::overloaded);
    fail(false);
    EXPECT_TRUE(eventually([&] { return indexer_->wait().has_value(); }));
    expect_all_indexed();
    EXPECT_THAT(disk_.reported, testing::ElementsAre("no room"))
        << "reported once, however often it is retried";
    disk_.reported.clear();
  }
}

TEST_F(IndexerTest, StartsWithoutAnIndex) {
  fail(true);
  open(false);
  add();
  EXPECT_EQ(indexer_->wait().error(), errc::overloaded);
  fail(false);
  EXPECT_TRUE(eventually([&] { return indexer_->wait().has_value(); }));
  expect_all_indexed();
}

TEST_F(IndexerTest, AddsAtItsEndWhatItHas) {
  open();
  for (int i = 0; i < 10; ++i) add();
  indexer_.reset();
  EXPECT_EQ(disk_.indexed.through, 10u);
}

}  // namespace revoked::engine::indexer_test
