#pragma once
// A store in memory whose syncs a test can hold back, let go and break. The disk outlives the store, as a
// real one outlives the process: an engine restarts over the same FakeDisk.

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
  // Commits wait from now on; wait_until_blocked returns once one does.
  void block() {
    const std::scoped_lock lock(mutex_);
    blocked_ = true;
  }
  void wait_until_blocked() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_; });
  }
  void unblock() {
    {
      const std::scoped_lock lock(mutex_);
      blocked_ = false;
    }
    changed_.notify_all();
  }

  // The n-th commit from now (1: the next) and all later ones fail.
  void fail_commit(int n) {
    const std::scoped_lock lock(mutex_);
    fails_in_ = n;
  }
  // A new process finds a sound disk.
  void repair() {
    const std::scoped_lock lock(mutex_);
    fails_in_ = 0;
  }

  std::size_t commit_count() const {
    const std::scoped_lock lock(mutex_);
    return batches.size();
  }
  int attempts() const {
    const std::scoped_lock lock(mutex_);
    return attempts_;
  }
  // What every commit and every read takes from now on.
  void set_slowness(std::chrono::microseconds slowness) { slowness_ = slowness; }
  void take_time() const {
    if (const auto slowness = slowness_.load(); slowness.count() != 0) std::this_thread::sleep_for(slowness);
  }

  // As in RocksDB, readers see a batch while it is being synced, and it may be there after a sync that
  // failed.
  bool visible_before_synced = false;
  // Called under no lock, when a commit has become durable.
  std::function<void(const BatchView&)> on_synced;

  // Behind mutex_ while a store uses them.
  std::vector<std::string> batches;
  std::map<std::string, std::pair<Sequence, std::string>, std::less<>> keys;
  std::map<std::string, Sequence, std::less<>> folded;
  std::map<std::array<std::string, 3>, std::vector<Sequence>> marks;  // by whose keys they revoke
  std::vector<EpochStart> epochs;
  Sequence folded_to = 0;
  std::string checkpoint_id;
  std::map<std::pair<AuditKind, std::string>, std::set<Sequence>> audit_marks;

  // Answers whether the commit may be written.
  bool enter_commit() {
    std::unique_lock lock(mutex_);
    ++attempts_;
    waiting_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !blocked_; });
    waiting_ = false;
    if (fails_in_ > 1) {
      --fails_in_;
      return true;
    }
    return fails_in_ == 0;
  }
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

  result<void> commit(const BatchView& batch) override {
    if (disk_->visible_before_synced) write(batch);
    disk_->take_time();
    if (!disk_->enter_commit()) return errc::storage_failed;
    if (!disk_->visible_before_synced) write(batch);
    if (disk_->on_synced) disk_->on_synced(batch);
    return {};
  }

  result<Sequence> last_sequence() const override {
    const std::scoped_lock lock(disk_->mutex());
    return disk_->batches.empty() ? 0 : parsed(disk_->batches.back()).last();
  }

  result<std::vector<EpochStart>> epochs() const override {
    const std::scoped_lock lock(disk_->mutex());
    return disk_->epochs;
  }

  result<void> replay(Sequence from, const std::function<bool(const BatchView&)>& visit) const override {
    disk_->take_time();
    std::vector<std::string> batches;
    {
      const std::scoped_lock lock(disk_->mutex());
      for (const auto& bytes : disk_->batches) {
        if (parsed(bytes).last() >= from) batches.push_back(bytes);
      }
    }
    for (const auto& bytes : batches) {
      if (!visit(parsed(bytes))) break;
    }
    return {};
  }

  result<void> load_keys(const KeyVisitor& visit) const override {
    const std::scoped_lock lock(disk_->mutex());
    for (const auto& [id, record] : disk_->keys) {
      std::string_view bytes = record.second;
      EventView creation;
      if (!take_event(bytes, creation)) return errc::storage_corrupt;
      const auto revoked = disk_->folded.find(id);
      visit(record.first, creation, revoked == disk_->folded.end() ? 0 : revoked->second);
    }
    return {};
  }

  result<void> load_changes(const EventVisitor& visit) const override {
    const std::scoped_lock lock(disk_->mutex());
    for (const auto& bytes : disk_->batches) {
      parsed(bytes).for_each([&](Sequence at, const EventView& event) {
        const bool is_change = event.type == EventType::key_suspended ||
                               event.type == EventType::key_resumed || event.type == EventType::key_rotated;
        if (is_change) visit(at, event);
      });
    }
    return {};
  }

  result<void> scan_keys(std::string_view after, const KeyScanner& visit) const override {
    disk_->take_time();
    const std::scoped_lock lock(disk_->mutex());
    for (auto at = disk_->keys.upper_bound(after); at != disk_->keys.end(); ++at) {
      std::string_view bytes = at->second.second;
      EventView creation;
      if (!take_event(bytes, creation)) return errc::storage_corrupt;
      if (!visit(at->second.first, creation)) break;
    }
    return {};
  }

  std::uint64_t estimated_keys() const override {
    const std::scoped_lock lock(disk_->mutex());
    return disk_->keys.size();
  }

  result<void> load_owner_marks(const std::function<void(const OwnerMark&)>& visit) const override {
    const std::scoped_lock lock(disk_->mutex());
    for (const auto& [owners, sequences] : disk_->marks) {
      for (const auto sequence : sequences) visit({owners, sequence});
    }
    return {};
  }

  result<std::optional<std::pair<Sequence, std::string>>> fetch_key(std::string_view key_id) const override {
    disk_->take_time();
    const std::scoped_lock lock(disk_->mutex());
    const auto found = disk_->keys.find(key_id);
    if (found == disk_->keys.end()) return std::optional<std::pair<Sequence, std::string>>{};
    return found->second;
  }

  result<Sequence> owner_mark_after(const OwnerIds& owners, Sequence from) const override {
    disk_->take_time();
    const std::scoped_lock lock(disk_->mutex());
    const auto found = disk_->marks.find(texts_of(owners));
    if (found == disk_->marks.end()) return Sequence{0};
    const auto at = std::lower_bound(found->second.begin(), found->second.end(), from);
    return at == found->second.end() ? Sequence{0} : *at;
  }

  result<std::string> checkpoint_id() const override {
    const std::scoped_lock lock(disk_->mutex());
    return disk_->checkpoint_id;
  }
  result<void> set_checkpoint_id(std::string_view id) override {
    const std::scoped_lock lock(disk_->mutex());
    disk_->checkpoint_id = id;
    return {};
  }

  Sequence folded_to() const override {
    const std::scoped_lock lock(disk_->mutex());
    return disk_->folded_to;
  }

  result<void> fold(const std::vector<FoldedRevocation>& revocations, Sequence folded_to) override {
    const std::scoped_lock lock(disk_->mutex());
    for (const auto& [id, sequence] : revocations) disk_->folded[id] = sequence;
    disk_->folded_to = folded_to;
    return {};
  }

  result<void> add_audit_marks(const std::vector<AuditMark>& marks) override {
    const std::scoped_lock lock(disk_->mutex());
    for (const auto& [kind, id, sequence] : marks) disk_->audit_marks[{kind, id}].insert(sequence);
    return {};
  }

  result<void> scan_audit_marks(AuditKind kind, std::string_view id, Sequence from,
                                const std::function<bool(Sequence)>& visit) const override {
    disk_->take_time();
    const std::scoped_lock lock(disk_->mutex());
    const auto found = disk_->audit_marks.find({kind, std::string(id)});
    if (found == disk_->audit_marks.end()) return {};
    for (auto at = found->second.lower_bound(from); at != found->second.end() && visit(*at); ++at) {
    }
    return {};
  }

 private:
  static std::array<std::string, 3> texts_of(const OwnerIds& owners) {
    return {std::string(owners[0]), std::string(owners[1]), std::string(owners[2])};
  }
  static BatchView parsed(const std::string& bytes) {
    BatchView batch;
    BatchView::parse(bytes, batch);
    return batch;
  }

  void write(const BatchView& batch) {
    const std::scoped_lock lock(disk_->mutex());
    disk_->batches.emplace_back(batch.bytes());
    EXPECT_TRUE(batch.for_each([&](Sequence at, const EventView& event) { index(batch, at, event); }));
  }
  void index(const BatchView& batch, Sequence at, const EventView& event) {
    if (event.type == EventType::key_created) {
      std::string bytes;
      append_event(bytes, event);
      disk_->keys[std::string(event[Field::key_id])] = {at, bytes};
    } else if (event.type == EventType::owner_revoked) {
      disk_->marks[texts_of(revoked_owners(event).value())].push_back(at);
    } else if (event.type == EventType::epoch_started) {
      disk_->epochs.push_back({batch.epoch(), at, std::string(event[Field::journal])});
    }
  }

  std::shared_ptr<FakeDisk> disk_;
};

}  // namespace revoked::engine::test
