#pragma once
// A store in memory whose syncs a test can block, release and fail. The disk outlives the store, as a real
// one outlives the process: an engine restarts over the same FakeDisk.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "engine/store.hpp"

namespace revoked::engine::test {

class FakeDisk {
 public:
  FakeDisk();
  ~FakeDisk();

  // Blocks all further commits; wait_until_blocked returns once one waits.
  void block();
  void wait_until_blocked();
  void unblock();

  // The n-th commit from now (1: the next) and all later ones fail.
  void fail_commit(int n);
  // The disk works again, for a new process.
  void repair();

  std::size_t commit_count() const;
  int attempts() const;
  // The duration of every further commit and read.
  void set_slowness(std::chrono::microseconds slowness) { slowness_ = slowness; }
  void take_time() const {
    if (const auto slowness = slowness_.load(); slowness.count() != 0) std::this_thread::sleep_for(slowness);
  }

  // Readers may see a batch while it is synced, and it may exist after a failed sync.
  bool visible_before_synced = false;
  // Called without a lock when a commit is durable.
  std::function<void(const BatchView&)> on_synced;

  // Protected by mutex_ while a store uses them.
  std::vector<std::string> batches;
  std::map<std::pair<IndexKind, std::string>, std::set<Sequence>> index;
  // False: the index does not advance until a thread waits for it.
  std::atomic<bool> is_indexed_at_once{true};
  Sequence indexed_to = 0;

  // The number of pieces of a backup; the last ones are unreadable.
  std::atomic<std::size_t> backup_pieces{3};
  std::atomic<std::size_t> unreadable_pieces{0};
  std::atomic<std::size_t> pieces_read{0};

  // Returns whether the commit may be written.
  bool enter_commit();
  std::mutex& mutex() const { return mutex_; }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool blocked_ = false;
  bool waiting_ = false;
  int fails_in_ = 0;
  int attempts_ = 0;
  std::atomic<std::chrono::microseconds> slowness_{std::chrono::microseconds(0)};
};

class FakeStore final : public Store {
 public:
  explicit FakeStore(std::shared_ptr<FakeDisk> disk) : disk_(std::move(disk)) {}

  result<void> append(const BatchView& batch) override;
  Sequence last() const override;
  result<void> read(Sequence from, const std::function<bool(const BatchView&)>& visit) const override;
  Sequence indexed_to() const override;
  result<void> scan_index(IndexKind kind, std::string_view id, Sequence from,
                          const std::function<bool(Sequence)>& visit) const override;
  result<void> wait_for_index() const override;
  result<std::unique_ptr<Backup>> back_up() const override;
  std::string failure() const override { return "the disk failed"; }

 private:
  static BatchView parsed(const std::string& bytes);

  void write(const BatchView& batch);
  void catch_up() const;

  std::shared_ptr<FakeDisk> disk_;
};

}  // namespace revoked::engine::test
