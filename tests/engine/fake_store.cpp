#include "tests/engine/fake_store.hpp"

namespace revoked::engine::test {

void FakeDisk::block() {
  const std::scoped_lock lock(mutex_);
  blocked_ = true;
}

void FakeDisk::wait_until_blocked() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_; });
}

void FakeDisk::unblock() {
  {
    const std::scoped_lock lock(mutex_);
    blocked_ = false;
  }
  changed_.notify_all();
}

void FakeDisk::fail_commit(int n) {
  const std::scoped_lock lock(mutex_);
  fails_in_ = n;
}

void FakeDisk::repair() {
  const std::scoped_lock lock(mutex_);
  fails_in_ = 0;
}

std::size_t FakeDisk::commit_count() const {
  const std::scoped_lock lock(mutex_);
  return batches.size();
}

int FakeDisk::attempts() const {
  const std::scoped_lock lock(mutex_);
  return attempts_;
}

bool FakeDisk::enter_commit() {
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

result<void> FakeStore::commit(const BatchView& batch) {
  if (disk_->visible_before_synced) write(batch);
  disk_->take_time();
  if (!disk_->enter_commit()) return errc::storage_failed;
  if (!disk_->visible_before_synced) write(batch);
  if (disk_->on_synced) disk_->on_synced(batch);
  return {};
}

result<Sequence> FakeStore::last_sequence() const {
  const std::scoped_lock lock(disk_->mutex());
  return disk_->batches.empty() ? 0 : parsed(disk_->batches.back()).last();
}

result<std::vector<EpochStart>> FakeStore::epochs() const {
  const std::scoped_lock lock(disk_->mutex());
  return disk_->epochs;
}

result<void> FakeStore::replay(Sequence from, const std::function<bool(const BatchView&)>& visit) const {
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

result<void> FakeStore::load_keys(const KeyVisitor& visit) const {
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

result<void> FakeStore::load_changes(const EventVisitor& visit) const {
  const std::scoped_lock lock(disk_->mutex());
  for (const auto& bytes : disk_->batches) {
    parsed(bytes).for_each([&](Sequence at, const EventView& event) {
      const bool is_change = event.type == EventType::key_suspended || event.type == EventType::key_resumed ||
                             event.type == EventType::key_rotated || event.type == EventType::key_changed || event.type == EventType::owner_locked ||
                             event.type == EventType::owner_unlocked;
      if (is_change) visit(at, event);
    });
  }
  return {};
}

result<void> FakeStore::scan_keys(std::string_view after, const KeyScanner& visit) const {
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

std::uint64_t FakeStore::estimated_keys() const {
  const std::scoped_lock lock(disk_->mutex());
  return disk_->keys.size();
}

result<void> FakeStore::load_owner_marks(const std::function<void(const OwnerMark&)>& visit) const {
  const std::scoped_lock lock(disk_->mutex());
  for (const auto& [owners, sequences] : disk_->marks) {
    for (const auto sequence : sequences) visit({owners, sequence});
  }
  return {};
}

result<std::optional<std::pair<Sequence, std::string>>> FakeStore::fetch_key(std::string_view key_id) const {
  disk_->take_time();
  const std::scoped_lock lock(disk_->mutex());
  const auto found = disk_->keys.find(key_id);
  if (found == disk_->keys.end()) return std::optional<std::pair<Sequence, std::string>>{};
  return found->second;
}

result<void> FakeStore::fetch_edits(std::string_view key_id, const EditVisitor& visit) const {
  disk_->take_time();
  const std::scoped_lock lock(disk_->mutex());
  for (const auto& bytes : disk_->batches) {
    parsed(bytes).for_each([&](Sequence, const EventView& event) {
      if (event.type != EventType::key_changed || event[Field::key_id] != key_id) return;
      for (const char member : event[Field::edited])
        visit(static_cast<Field>(member), event[static_cast<Field>(member)]);
    });
  }
  return {};
}

result<Sequence> FakeStore::owner_mark_after(const OwnerIds& owners, Sequence from) const {
  disk_->take_time();
  const std::scoped_lock lock(disk_->mutex());
  const auto found = disk_->marks.find(texts_of(owners));
  if (found == disk_->marks.end()) return Sequence{0};
  const auto at = std::lower_bound(found->second.begin(), found->second.end(), from);
  return at == found->second.end() ? Sequence{0} : *at;
}

result<std::string> FakeStore::checkpoint_id() const {
  const std::scoped_lock lock(disk_->mutex());
  return disk_->checkpoint_id;
}

result<void> FakeStore::set_checkpoint_id(std::string_view id) {
  const std::scoped_lock lock(disk_->mutex());
  disk_->checkpoint_id = id;
  return {};
}

Sequence FakeStore::folded_to() const {
  const std::scoped_lock lock(disk_->mutex());
  return disk_->folded_to;
}

result<void> FakeStore::fold(const std::vector<FoldedRevocation>& revocations, Sequence folded_to) {
  const std::scoped_lock lock(disk_->mutex());
  for (const auto& [id, sequence] : revocations) disk_->folded[id] = sequence;
  disk_->folded_to = folded_to;
  return {};
}

result<void> FakeStore::add_audit_marks(const std::vector<AuditMark>& marks) {
  const std::scoped_lock lock(disk_->mutex());
  for (const auto& [kind, id, sequence] : marks) disk_->audit_marks[{kind, id}].insert(sequence);
  return {};
}

result<void> FakeStore::scan_audit_marks(AuditKind kind, std::string_view id, Sequence from,
                                         const std::function<bool(Sequence)>& visit) const {
  disk_->take_time();
  const std::scoped_lock lock(disk_->mutex());
  const auto found = disk_->audit_marks.find({kind, std::string(id)});
  if (found == disk_->audit_marks.end()) return {};
  for (auto at = found->second.lower_bound(from); at != found->second.end() && visit(*at); ++at) {
  }
  return {};
}

std::array<std::string, 3> FakeStore::texts_of(const OwnerIds& owners) {
  return {std::string(owners[0]), std::string(owners[1]), std::string(owners[2])};
}

BatchView FakeStore::parsed(const std::string& bytes) {
  BatchView batch;
  BatchView::parse(bytes, batch);
  return batch;
}

void FakeStore::write(const BatchView& batch) {
  const std::scoped_lock lock(disk_->mutex());
  disk_->batches.emplace_back(batch.bytes());
  EXPECT_TRUE(batch.for_each([&](Sequence at, const EventView& event) { index(batch, at, event); }));
}

void FakeStore::index(const BatchView& batch, Sequence at, const EventView& event) {
  if (event.type == EventType::key_created) {
    std::string bytes;
    append_event(bytes, event);
    disk_->keys[std::string(event[Field::key_id])] = {at, bytes};
  } else if (event.type == EventType::owner_revoked) {
    disk_->marks[texts_of(named_owners(event).value())].push_back(at);
  } else if (event.type == EventType::epoch_started) {
    disk_->epochs.push_back({batch.epoch(), at, std::string(event[Field::journal])});
  }
}

FakeDisk::FakeDisk() = default;

FakeDisk::~FakeDisk() = default;

}  // namespace revoked::engine::test
