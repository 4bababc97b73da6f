// The index in RocksDB. An entry's key is the kind, the id and a zero (for hashed kinds: eight bytes of a
// hash of it), and the sequence (big endian); the value is empty. Entries are kept sorted in memory, in a
// fraction of the size of RocksDB's memtable. Then they are written as one table that includes how far it
// goes, which RocksDB ingests atomically. What follows is read from the log at the next start.

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "engine/base/mutex.hpp"
#include "engine/base/random.hpp"
#include "engine/index/index.hpp"
#include "engine/index/recent_entries.hpp"

namespace revoked::engine {
namespace {

constexpr std::uint64_t format_version = 1;
constexpr std::string_view indexed_key = "indexed";  // no kind begins like this
// RocksDB opens a table with damaged content, and fails when it reads it. This file records such a failure.
constexpr std::string_view damage_mark = "/damaged";
constexpr std::string_view draft = "/draft";  // of a table
constexpr std::size_t table_bytes = 24 << 20;

struct IndexedLayout {
  std::uint64_t version = format_version;
  Sequence through = 0;
  Epoch epoch = 0;
  Sequence first = 0;
  std::uint64_t seed = 0;
  std::array<char, 64> journal{};
};

void append_big_endian(std::string& bytes, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
}

std::uint64_t from_big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const unsigned char byte : bytes) value = value << 8 | byte;
  return value;
}

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  random_bytes(&seed, sizeof seed);
  return seed;
}

class RocksdbIndex final : public Index {
 public:
  RocksdbIndex(std::unique_ptr<rocksdb::DB> db, std::string directory)
      : db_(std::move(db)), directory_(std::move(directory)) {}
  ~RocksdbIndex() override { db_->Close(); }

  // An error if the stored index cannot be used.
  result<void> load() {
    std::string value;
    const auto found = db_->Get({}, slice(indexed_key), &value);
    if (found.IsNotFound()) return {};
    if (!found.ok()) return failed(found);
    IndexedLayout layout;
    if (value.size() != sizeof layout) return errc::storage_corrupt;
    std::memcpy(&layout, value.data(), sizeof layout);
    if (layout.version != format_version || layout.journal.back() != 0) return errc::storage_corrupt;
    publish({}, {layout.through, {layout.epoch, layout.first, layout.journal.data()}});
    seed_ = layout.seed;
    on_disk_ = layout.through;
    return {};
  }

  Indexed indexed() const override {
    const MutexLock lock(mutex_);
    return now_;
  }

  result<void> add(const IndexEntries& entries, const Indexed& now) override {
    keys_.clear();
    for (const auto& [kind, id, sequence] : entries.all()) {
      set_prefix(key_, kind, id);
      append_big_endian(key_, sequence);
      keys_.append(key_);
    }
    auto recent = recent_now().with(keys_);
    if (recent.bytes() < table_bytes) return publish(std::move(recent), now), result<void>();
    return write(recent, now);
  }

  result<void> scan(IndexKind kind, std::string_view id, Sequence from,
                    const std::function<bool(Sequence)>& visit) const override {
    std::string prefix;
    set_prefix(prefix, kind, id);
    auto first = prefix;
    append_big_endian(first, from);
    // Before reading the tables: entries written to a table in between are then seen twice, not missed.
    const auto recent = recent_now();
    RecentEntries::Cursor in_memory(recent, first);
    const std::unique_ptr<rocksdb::Iterator> in_tables(db_->NewIterator({}));
    in_tables->Seek(first);
    while (in_tables->status().ok() && (in_tables->Valid() || in_memory.is_valid())) {
      const int order = !in_tables->Valid()     ? 1
                        : !in_memory.is_valid() ? -1
                                                : view(in_tables->key()).compare(in_memory.key());
      const auto key = order <= 0 ? view(in_tables->key()) : in_memory.key();
      if (!key.starts_with(prefix)) return {};
      const auto bytes = key.substr(prefix.size());
      if (bytes.size() == 8 && !visit(from_big_endian(bytes))) return {};
      if (order <= 0) in_tables->Next();
      if (order >= 0) in_memory.next();
    }
    if (!in_tables->status().ok()) return failed(in_tables->status());
    return {};
  }

  result<void> flush() override {
    if (indexed().through == on_disk_) return {};
    return write(recent_now(), indexed());
  }

  std::string failure() const override {
    const MutexLock lock(mutex_);
    return failure_;
  }

 private:
  // The seed is secret: a caller that chooses ids cannot choose collisions.
  void set_prefix(std::string& key, IndexKind kind, std::string_view id) const {
    key.assign(1, static_cast<char>(kind));
    if (is_hashed(kind))
      append_big_endian(key, XXH3_64bits_withSeed(id.data(), id.size(), seed_));
    else
      key.append(id).push_back('\0');
  }

  RecentEntries recent_now() const {
    const MutexLock lock(mutex_);
    return recent_;
  }
  void publish(RecentEntries recent, const Indexed& now) {
    const MutexLock lock(mutex_);
    std::swap(recent_, recent);
    now_ = now;
  }

  result<void> write(const RecentEntries& recent, const Indexed& now) {
    if (const auto written = write_table(recent, now); !written.ok()) return failed(written);
    on_disk_ = now.through;
    publish({}, now);
    return {};
  }

  rocksdb::Status write_table(const RecentEntries& recent, const Indexed& now) {
    const auto path = directory_ + std::string(draft);
    // A killed process may have left a draft, possibly linked as a table already.
    if (const auto removed = db_->GetEnv()->DeleteFile(path); !removed.ok() && !removed.IsPathNotFound())
      return removed;
    rocksdb::SstFileWriter table(rocksdb::EnvOptions(), db_->GetOptions(), nullptr, false);
    auto status = table.Open(path);
    RecentEntries::Cursor at(recent, {});
    const auto put_up_to = [&](std::string_view end) {
      for (; status.ok() && at.is_valid() && (end.empty() || at.key() < end); at.next())
        status = table.Put(slice(at.key()), rocksdb::Slice());
    };
    put_up_to(indexed_key);
    const auto layout = layout_of(now);
    if (status.ok())
      status = table.Put(slice(indexed_key), {reinterpret_cast<const char*>(&layout), sizeof layout});
    put_up_to({});
    if (status.ok()) status = table.Finish();
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    options.write_global_seqno = false;
    if (status.ok()) status = db_->IngestExternalFile({path}, options);
    return status;
  }

  IndexedLayout layout_of(const Indexed& now) const {
    IndexedLayout layout;
    layout.through = now.through;
    layout.epoch = now.epoch.epoch;
    layout.first = now.epoch.first;
    layout.seed = seed_;
    now.epoch.journal.copy(layout.journal.data(), layout.journal.size() - 1);
    return layout;
  }

  errc failed(const rocksdb::Status& status) const {
    const MutexLock lock(mutex_);
    failure_ = status.ToString();
    if (status.IsCorruption()) std::ofstream(directory_ + std::string(damage_mark));
    return errc::storage_failed;
  }

  std::unique_ptr<rocksdb::DB> db_;
  const std::string directory_;
  std::string key_;
  Keys keys_;
  std::uint64_t seed_ = random_seed();
  Sequence on_disk_ = 0;
  mutable Mutex<2> mutex_;
  RecentEntries recent_ REVOKED_GUARDED_BY(mutex_);
  Indexed now_ REVOKED_GUARDED_BY(mutex_);
  mutable std::string failure_ REVOKED_GUARDED_BY(mutex_);
};

// RocksDB 7.8 aborts when a line of its own info log cannot be written twice (an assertion in
// WritableFileWriter::Append), as on a full disk. Errors are reported by its return values instead.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::Options options_of_index() {
  rocksdb::Options options;
  options.info_log = std::make_shared<NoLog>();
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.max_background_jobs = 2;
  options.max_open_files = 512;
  // Every table overlaps all others, and none supersedes another: tables of similar size are merged, so that
  // a look-up reads few of them. Of 40 million entries, 26 bytes each are written in total, 16 of them before
  // any merging, and 7 remain.
  options.compaction_style = rocksdb::kCompactionStyleUniversal;
  options.level0_file_num_compaction_trigger = 8;
  options.compaction_options_universal.max_size_amplification_percent = 1'000'000;
  options.ttl = 0;
  options.periodic_compaction_seconds = 0;
  options.compression = rocksdb::kLZ4Compression;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(16 << 20);
  table.cache_index_and_filter_blocks = true;
  table.block_size = 16 << 10;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::Env::Default()->LowerThreadPoolCPUPriority(rocksdb::Env::LOW, rocksdb::CpuPriority::kIdle);
  return options;
}

}  // namespace

result<std::unique_ptr<Index>> open_index(const std::string& directory, std::string& detail) {
  std::error_code ignored;
  if (std::filesystem::exists(directory + std::string(damage_mark), ignored))
    std::filesystem::remove_all(directory, ignored);
  for (const bool is_again : {false, true}) {
    rocksdb::DB* db = nullptr;
    const auto opened = rocksdb::DB::Open(options_of_index(), directory, &db);
    if (opened.ok()) {
      auto index = std::make_unique<RocksdbIndex>(std::unique_ptr<rocksdb::DB>(db), directory);
      if (index->load()) return std::unique_ptr<Index>(std::move(index));
      detail = index->failure();
    } else {
      detail = opened.ToString();
      // A reader still uses the previous, failed instance.
      if (detail.find("lock hold by current process") != std::string::npos) break;
    }
    // All of its content can be read from the log again.
    std::error_code error;
    if (is_again || (std::filesystem::remove_all(directory, error), error)) break;
  }
  return errc::storage_failed;
}

}  // namespace revoked::engine
