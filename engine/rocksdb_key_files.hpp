#pragma once
// Part of rocksdb_store.cpp: the records of keys that come by the thousand do not go through RocksDB's log
// and memtable, which takes longer than all the rest of an import. They gather in memory, sorted, and are
// written as whole files in the background.
//
// A crash loses what has gathered. The store's "records_from" says from which sequence on the journal has to
// be read for it again: it is written with the first batch that gathers, and rises with every file.

#include <rocksdb/db.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/error.hpp"
#include "engine/key_run.hpp"

namespace revoked::engine {

class RocksdbKeyFiles {
 public:
  static constexpr const char* mark = "records_from";

  RocksdbKeyFiles(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& keys, rocksdb::ColumnFamilyHandle& meta,
                  std::string directory);
  ~RocksdbKeyFiles();  // writes what has gathered
  RocksdbKeyFiles(const RocksdbKeyFiles&) = delete;
  RocksdbKeyFiles& operator=(const RocksdbKeyFiles&) = delete;

  // A batch whose creations begin at `first` is about to be committed, and its run to be added. True: the
  // batch has to carry the mark. By the committing thread.
  bool announce(Sequence first);
  // After the commit. Waits while too much has gathered. errc::storage_failed once a file could not be
  // written.
  result<void> add(std::shared_ptr<const KeyRun> run, Sequence first);
  result<void> write_all();
  bool has_failed() const;

  // What has gathered. Look here before looking into RocksDB: what leaves is there already.
  using Runs = std::vector<std::shared_ptr<const KeyRun>>;
  Runs runs() const;
  bool find(std::string_view key_id, std::string& record) const;

 private:
  static constexpr std::size_t keys_a_file = 200'000;
  static constexpr std::size_t bytes_a_file = 64 << 20;  // memory, and disk that is needed yet
  static constexpr std::size_t small_run = 4096;
  struct Gathered {
    std::shared_ptr<const KeyRun> run;
    Sequence first;
  };

  bool is_enough() const { return gathered_keys_ >= keys_a_file || gathered_bytes_ >= bytes_a_file; }
  void work();
  bool write(const std::deque<Gathered>& group);
  bool raise_mark(Sequence from);

  rocksdb::DB& db_;
  rocksdb::ColumnFamilyHandle& keys_;
  rocksdb::ColumnFamilyHandle& meta_;
  const std::string directory_;
  rocksdb::WriteOptions unlogged_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Gathered> gathered_;
  std::deque<Gathered> writing_;
  std::size_t gathered_keys_ = 0;
  std::size_t gathered_bytes_ = 0;
  Sequence announced_ = 0;  // 0: nothing
  bool hurry_ = false;
  bool failed_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace revoked::engine
