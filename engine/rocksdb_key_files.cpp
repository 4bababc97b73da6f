#include "engine/rocksdb_key_files.hpp"

#include <rocksdb/sst_file_writer.h>

#include <chrono>
#include <cstdio>

#include "engine/rocksdb_layout.hpp"
#include "engine/this_thread.hpp"

namespace revoked::engine {

RocksdbKeyFiles::RocksdbKeyFiles(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& keys,
                                 rocksdb::ColumnFamilyHandle& meta, std::string directory)
    : db_(db), keys_(keys), meta_(meta), directory_(std::move(directory)) {
  unlogged_.disableWAL = true;
  thread_ = std::thread([this] { work(); });
}

RocksdbKeyFiles::~RocksdbKeyFiles() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool RocksdbKeyFiles::announce(Sequence first) {
  const std::scoped_lock lock(mutex_);
  announced_ = first;
  return gathered_.empty() && writing_.empty();
}

result<void> RocksdbKeyFiles::add(std::shared_ptr<const KeyRun> run, Sequence first) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return failed_ || !is_enough() || writing_.empty(); });
  gathered_keys_ += run->size();
  gathered_bytes_ += run->size_bytes();
  // Few runs: who looks for a key looks into all of them.
  if (!gathered_.empty() && gathered_.back().run->size() < small_run)
    gathered_.back().run = KeyRun::join(*gathered_.back().run, *run);
  else
    gathered_.push_back({std::move(run), first});
  announced_ = 0;
  changed_.notify_all();
  if (failed_) return errc::storage_failed;
  return {};
}

result<void> RocksdbKeyFiles::write_all() {
  std::unique_lock lock(mutex_);
  hurry_ = !gathered_.empty();
  changed_.notify_all();
  changed_.wait(lock, [this] { return failed_ || (gathered_.empty() && writing_.empty()); });
  if (failed_) return errc::storage_failed;
  return {};
}

bool RocksdbKeyFiles::has_failed() const {
  const std::scoped_lock lock(mutex_);
  return failed_;
}

RocksdbKeyFiles::Runs RocksdbKeyFiles::runs() const {
  const std::scoped_lock lock(mutex_);
  Runs runs;
  for (const auto* gathered : {&writing_, &gathered_}) {
    for (const auto& each : *gathered) runs.push_back(each.run);
  }
  return runs;
}

bool RocksdbKeyFiles::find(std::string_view key_id, std::string& record) const {
  for (const auto& run : runs()) {
    const auto at = run->lower_bound(key_id);
    if (at == run->size() || (*run)[at].key_id != key_id) continue;
    record = (*run)[at].record;
    return true;
  }
  return false;
}

void RocksdbKeyFiles::work() {
  set_up_this_thread("key files", Urgency::gathering);
  constexpr auto gather_at_most = std::chrono::seconds(2);
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !gathered_.empty(); });
    if (gathered_.empty()) return;
    changed_.wait_for(lock, gather_at_most, [this] { return stopping_ || hurry_ || is_enough(); });
    writing_.swap(gathered_);
    gathered_keys_ = 0;
    gathered_bytes_ = 0;
    hurry_ = false;
    changed_.notify_all();
    const auto group = writing_;
    lock.unlock();
    const bool written = write(group);
    lock.lock();
    if (written) writing_.clear();
    // Under the lock: nobody can announce a batch between the look and the write.
    const auto from = gathered_.empty() ? announced_ : gathered_.front().first;
    failed_ = !written || !raise_mark(from);
    changed_.notify_all();
    if (failed_) return;
  }
}

// Not synced: from an older mark on, the same records are written once more.
bool RocksdbKeyFiles::raise_mark(Sequence from) {
  if (from == 0) return db_.Delete(unlogged_, &meta_, mark).ok();
  return db_.Put(unlogged_, &meta_, mark, encode_i64(static_cast<std::int64_t>(from))).ok();
}

bool RocksdbKeyFiles::write(const std::deque<Gathered>& group) {
  std::vector<const KeyRun*> runs;
  for (const auto& each : group) runs.push_back(each.run.get());
  const auto path = directory_ + "/keys.tmp";
  rocksdb::SstFileWriter file(rocksdb::EnvOptions(), db_.GetOptions(&keys_), &keys_);
  if (!file.Open(path).ok()) return false;
  bool good = true;
  std::string_view last;
  for (const auto& entry : KeyRun::merge(runs)) {
    // Twice the same after a crash in between.
    if (entry.key_id != last) good = good && file.Put(slice(entry.key_id), slice(entry.record)).ok();
    last = entry.key_id;
  }
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  options.snapshot_consistency = false;
  options.write_global_seqno = false;
  good = good && file.Finish().ok() && db_.IngestExternalFile(&keys_, {path}, options).ok();
  std::remove(path.c_str());
  return good;
}

}  // namespace revoked::engine
