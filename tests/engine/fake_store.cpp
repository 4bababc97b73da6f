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

result<void> FakeStore::append(const BatchView& batch) {
  if (disk_->visible_before_synced) write(batch);
  disk_->take_time();
  if (!disk_->enter_commit()) return errc::storage_failed;
  if (!disk_->visible_before_synced) write(batch);
  if (disk_->on_synced) disk_->on_synced(batch);
  return {};
}

Sequence FakeStore::last() const {
  const std::scoped_lock lock(disk_->mutex());
  return disk_->batches.empty() ? 0 : parsed(disk_->batches.back()).last();
}

result<void> FakeStore::read(Sequence from, const std::function<bool(const BatchView&)>& visit) const {
  disk_->take_time();
  for (auto next = from;;) {
    std::string bytes;
    {
      const std::scoped_lock lock(disk_->mutex());
      const auto at = std::ranges::partition_point(
          disk_->batches, [&](const std::string& batch) { return parsed(batch).last() < next; });
      if (at == disk_->batches.end()) return {};
      bytes = *at;
    }
    const auto batch = parsed(bytes);
    if (!visit(batch)) return {};
    next = batch.last() + 1;
  }
}

Sequence FakeStore::indexed_to() const {
  const std::scoped_lock lock(disk_->mutex());
  return disk_->indexed_to;
}

result<void> FakeStore::scan_index(IndexKind kind, std::string_view id, Sequence from,
                                   const std::function<bool(Sequence)>& visit) const {
  disk_->take_time();
  const std::scoped_lock lock(disk_->mutex());
  const auto found = disk_->index.find({kind, std::string(id)});
  if (found == disk_->index.end()) return {};
  for (auto at = found->second.lower_bound(from); at != found->second.end() && visit(*at); ++at) {
  }
  return {};
}

result<void> FakeStore::wait_for_index() const {
  const std::scoped_lock lock(disk_->mutex());
  catch_up();
  return {};
}

namespace {

// Pieces of one repeated letter: a, b, c, …
class FakeBackup final : public Backup {
 public:
  FakeBackup(std::shared_ptr<FakeDisk> disk, Sequence last) : disk_(std::move(disk)), last_(last) {}

  Sequence last() const override { return last_; }
  std::string failure() const override { return "piece " + std::to_string(given_) + " cannot be read"; }
  result<void> next(std::string& piece) override {
    disk_->take_time();
    const std::scoped_lock lock(disk_->mutex());
    piece.clear();
    if (given_ >= disk_->backup_pieces) return {};
    if (given_ + disk_->unreadable_pieces >= disk_->backup_pieces) return errc::storage_corrupt;
    piece.assign(piece_bytes, static_cast<char>('a' + given_++ % 26));
    ++disk_->pieces_read;
    return {};
  }

 private:
  const std::shared_ptr<FakeDisk> disk_;
  const Sequence last_;
  std::size_t given_ = 0;
};

}  // namespace

result<std::unique_ptr<Backup>> FakeStore::back_up() const {
  return std::unique_ptr<Backup>(std::make_unique<FakeBackup>(disk_, last()));
}

// With the mutex held.
void FakeStore::catch_up() const {
  IndexEntries entries;
  for (auto at = disk_->batches.rbegin(); at != disk_->batches.rend(); ++at) {
    const auto batch = parsed(*at);
    if (batch.last() <= disk_->indexed_to) break;
    EXPECT_TRUE(entries.append(batch));
  }
  for (const auto& [kind, id, sequence] : entries.all())
    disk_->index[{kind, std::string(id)}].insert(sequence);
  if (!disk_->batches.empty()) disk_->indexed_to = parsed(disk_->batches.back()).last();
}

BatchView FakeStore::parsed(const std::string& bytes) {
  BatchView batch;
  BatchView::parse(bytes, batch);
  return batch;
}

void FakeStore::write(const BatchView& batch) {
  const std::scoped_lock lock(disk_->mutex());
  disk_->batches.emplace_back(batch.bytes());
  if (disk_->is_indexed_at_once) catch_up();
}

FakeDisk::FakeDisk() = default;

FakeDisk::~FakeDisk() = default;

}  // namespace revoked::engine::test
