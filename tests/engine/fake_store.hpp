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
  FakeDisk();
  ~FakeDisk();

  // Commits wait from now on; wait_until_blocked returns once one does.
  void block();
  void wait_until_blocked();
  void unblock();

  // The n-th commit from now (1: the next) and all later ones fail.
  void fail_commit(int n);
  // A new process finds a sound disk.
  void repair();

  std::size_t commit_count() const;
  int attempts() const;
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

  result<void> commit(const BatchView& batch) override;
  result<Sequence> last_sequence() const override;
  result<std::vector<EpochStart>> epochs() const override;
  result<void> replay(Sequence from, const std::function<bool(const BatchView&)>& visit) const override;
  result<void> load_keys(const KeyVisitor& visit) const override;
  result<void> load_changes(const EventVisitor& visit) const override;
  result<void> scan_keys(std::string_view after, const KeyScanner& visit) const override;
  std::uint64_t estimated_keys() const override;
  result<void> load_owner_marks(const std::function<void(const OwnerMark&)>& visit) const override;
  result<std::optional<std::pair<Sequence, std::string>>> fetch_key(std::string_view key_id) const override;
  result<void> fetch_edits(std::string_view key_id, const EditVisitor& visit) const override;
  result<Sequence> owner_mark_after(const OwnerIds& owners, Sequence from) const override;
  result<std::string> checkpoint_id() const override;
  result<void> set_checkpoint_id(std::string_view id) override;
  Sequence folded_to() const override;
  result<void> fold(const std::vector<FoldedRevocation>& revocations, Sequence folded_to) override;
  result<void> add_audit_marks(const std::vector<AuditMark>& marks) override;
  result<void> scan_audit_marks(AuditKind kind, std::string_view id, Sequence from,
                                const std::function<bool(Sequence)>& visit) const override;

 private:
  static std::array<std::string, 3> texts_of(const OwnerIds& owners);
  static BatchView parsed(const std::string& bytes);

  void write(const BatchView& batch);
  void index(const BatchView& batch, Sequence at, const EventView& event);

  std::shared_ptr<FakeDisk> disk_;
};

}  // namespace revoked::engine::test
