// The index in RocksDB. An entry's key is the kind, the id and a zero (of a hashed kind: eight bytes of a
// hash of it), and the sequence (big endian); it has no value. RocksDB's own log is off: its tables are
// written to disk together with how far they go, and what is behind that is read from our log at the next
// start.

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <utility>

#include "engine/base/random.hpp"
#include "engine/index/index.hpp"

namespace revoked::engine {
namespace {

constexpr std::uint64_t format_version = 1;
constexpr std::string_view indexed_key = "indexed";  // no kind begins so
// RocksDB opens what is damaged within a table, and fails when it reads that. Who has seen it leaves this.
constexpr std::string_view damage_mark = "/damaged";

struct IndexedLayout {
  std::uint64_t version = format_version;
  Sequence through = 0;
  Epoch epoch = 0;
  Sequence first = 0;
  std::uint64_t seed = 0;
  std::array<char, 64> journal{};
};

std::string big_endian(std::uint64_t value) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> (8 * (7 - i)));
  return bytes;
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
      : db_(std::move(db)), directory_(std::move(directory)) {
    unlogged_.disableWAL = true;
  }
  ~RocksdbIndex() override { db_->Close(); }

  // Nothing, if what is there cannot be used.
  result<void> load() {
    std::string value;
    const auto found = db_->Get({}, slice(indexed_key), &value);
    if (found.IsNotFound()) return {};
    if (!found.ok()) return failed(found);
    IndexedLayout layout;
    if (value.size() != sizeof layout) return errc::storage_corrupt;
    std::memcpy(&layout, value.data(), sizeof layout);
    if (layout.version != format_version || layout.journal.back() != 0) return errc::storage_corrupt;
    now_ = {layout.through, {layout.epoch, layout.first, layout.journal.data()}};
    seed_ = layout.seed;
    return {};
  }

  Indexed indexed() const override {
    const std::scoped_lock lock(mutex_);
    return now_;
  }

  result<void> add(const IndexEntries& entries, const Indexed& now) override {
    writes_.Clear();
    hashed_.clear();
    for (const auto& entry : entries.all()) {
      if (is_hashed(entry.kind))
        hashed_.push_back({entry.kind, hash_of(entry.id), entry.sequence});
      else
        writes_.Put(key_of(prefix_of(entry.kind, entry.id), entry.sequence), rocksdb::Slice());
    }
    // In the order in which they will lie: much quicker to insert.
    std::ranges::sort(hashed_);
    for (const auto& [kind, hash, sequence] : hashed_)
      writes_.Put(key_of(prefix_of(kind, hash), sequence), rocksdb::Slice());
    IndexedLayout layout;
    layout.through = now.through;
    layout.epoch = now.epoch.epoch;
    layout.first = now.epoch.first;
    layout.seed = seed_;
    now.epoch.journal.copy(layout.journal.data(), layout.journal.size() - 1);
    writes_.Put(slice(indexed_key), slice({reinterpret_cast<const char*>(&layout), sizeof layout}));
    if (const auto written = db_->Write(unlogged_, &writes_); !written.ok()) return failed(written);
    const std::scoped_lock lock(mutex_);
    now_ = now;
    return {};
  }

  result<void> scan(IndexKind kind, std::string_view id, Sequence from,
                    const std::function<bool(Sequence)>& visit) const override {
    const auto prefix = is_hashed(kind) ? prefix_of(kind, hash_of(id)) : prefix_of(kind, id);
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}));
    for (at->Seek(key_of(prefix, from)); at->Valid() && at->key().starts_with(prefix); at->Next()) {
      const auto bytes = view(at->key()).substr(prefix.size());
      if (bytes.size() == 8 && !visit(from_big_endian(bytes))) return {};
    }
    if (!at->status().ok()) return failed(at->status());
    return {};
  }

  result<void> flush() override {
    if (const auto flushed = db_->Flush({}); !flushed.ok()) return failed(flushed);
    return {};
  }

  std::string failure() const override {
    const std::scoped_lock lock(mutex_);
    return failure_;
  }

 private:
  struct HashedEntry {
    IndexKind kind;
    std::uint64_t hash;
    Sequence sequence;
    auto operator<=>(const HashedEntry&) const = default;
  };

  // The seed is nobody's to know: who chooses ids does not choose which of them meet.
  std::uint64_t hash_of(std::string_view id) const {
    return XXH3_64bits_withSeed(id.data(), id.size(), seed_);
  }
  static std::string prefix_of(IndexKind kind, std::uint64_t hash) {
    return std::string(1, static_cast<char>(kind)) + big_endian(hash);
  }
  static std::string prefix_of(IndexKind kind, std::string_view id) {
    return std::string(1, static_cast<char>(kind)).append(id).append(1, '\0');
  }
  static std::string key_of(std::string prefix, Sequence sequence) {
    return std::move(prefix.append(big_endian(sequence)));
  }

  errc failed(const rocksdb::Status& status) const {
    const std::scoped_lock lock(mutex_);
    failure_ = status.ToString();
    if (status.IsCorruption()) std::ofstream(directory_ + std::string(damage_mark));
    return errc::storage_failed;
  }

  std::unique_ptr<rocksdb::DB> db_;
  const std::string directory_;
  rocksdb::WriteOptions unlogged_;
  rocksdb::WriteBatch writes_;
  std::vector<HashedEntry> hashed_;
  std::uint64_t seed_ = random_seed();
  mutable std::mutex mutex_;
  Indexed now_;
  mutable std::string failure_;
};

// RocksDB 7.8 ends the process when a line of its own journal cannot be written twice (an assertion in
// WritableFileWriter::Append): on a full disk, that is. What fails is told to us by its answers.
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
  options.write_buffer_size = 32 << 20;
  // One thread writes, a sorted run at a time: each entry is looked for from the one before.
  options.allow_concurrent_memtable_write = false;
  options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
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
      // Somebody reads in the one of before, which failed.
      if (detail.find("lock hold by current process") != std::string::npos) break;
    }
    // Everything in it is in the log.
    std::error_code error;
    if (is_again || (std::filesystem::remove_all(directory, error), error)) break;
  }
  return errc::storage_failed;
}

}  // namespace revoked::engine
