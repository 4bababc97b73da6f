#include "engine/rocksdb_layout.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>

#include "engine/rocksdb_gives_way.hpp"

namespace revoked::engine {

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

std::string owner_prefix(const OwnerIds& owners) {
  const auto given = std::count_if(owners.begin(), owners.end(), [](auto id) { return !id.empty(); });
  std::string key = given == 1 ? "owner/" : "owners/";
  for (std::size_t i = 0; i < owners.size(); ++i) {
    if (given == 1 && owners[i].empty()) continue;
    if (given == 1) key.push_back(static_cast<char>('0' + i));
    key.append(owners[i]).push_back('\0');
  }
  return key;
}

bool read_owner_mark(std::string_view key, OwnerMark& mark) {
  const bool is_one = key.starts_with("owner/");
  key.remove_prefix(std::min(key.size(), std::string_view(is_one ? "owner/" : "owners/").size()));
  if (key.size() < 8) return false;
  mark.sequence = from_big_endian(key.substr(key.size() - 8));
  key.remove_suffix(8);
  for (std::size_t i = 0; i < mark.owners.size(); ++i) {
    if (is_one && (key.empty() || key.front() != static_cast<char>('0' + i))) continue;
    if (is_one) key.remove_prefix(1);
    const auto end = key.find('\0');
    if (end == std::string_view::npos) return false;
    mark.owners[i] = key.substr(0, end);
    key.remove_prefix(end + 1);
    if (is_one) break;
  }
  return key.empty();
}

std::string edit_prefix(std::string_view key_id) {
  std::string key = "edit/";
  key.append(key_id).push_back('\0');
  return key;
}

std::string audit_prefix(AuditKind kind, std::string_view id) {
  std::string key(1, static_cast<char>(kind));
  key.append(id).push_back('\0');
  return key;
}

Sequence read_sequence(std::string_view bytes) {
  return static_cast<Sequence>(decode_i64(bytes.substr(0, 8), 0));
}

result<OpenedRocksdb> open_rocksdb(const std::string& directory, std::string& detail) {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.atomic_flush = true;
  options.paranoid_checks = true;
  options.max_background_jobs = 2;
  options.keep_log_file_num = 4;
  options.max_open_files = 512;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(16 << 20);
  table.cache_index_and_filter_blocks = true;
  table.block_size = 16 << 10;

  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = 16 << 20;
  family.compression = rocksdb::kLZ4Compression;
  family.table_properties_collector_factories.push_back(std::make_shared<GivesWayFactory>());
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::ColumnFamilyOptions looked_up = family;
  looked_up.write_buffer_size = 32 << 20;  // keys come in any order
  looked_up.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  // An import writes whole files, which lie side by side for a while: merging them can wait.
  looked_up.level0_file_num_compaction_trigger = 12;
  looked_up.level0_slowdown_writes_trigger = 300;
  looked_up.level0_stop_writes_trigger = 400;
  rocksdb::Env::Default()->LowerThreadPoolCPUPriority(rocksdb::Env::LOW, rocksdb::CpuPriority::kIdle);

  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const auto opened = rocksdb::DB::Open(options, directory,
                                        {{rocksdb::kDefaultColumnFamilyName, family},
                                         {"journal", family},
                                         {"keys", looked_up},
                                         {"audit", family}},
                                        &handles, &db);
  if (!opened.ok()) {
    detail = opened.ToString();
    // What RocksDB says of a lock that another process, or this one, holds. A path may have "lock" in it as
    // well.
    const bool held = detail.find("While lock file: ") != std::string::npos ||
                      detail.find("lock hold by current process") != std::string::npos;
    if (opened.IsIOError() && held) return errc::storage_in_use;
    return opened.IsCorruption() ? errc::storage_corrupt : errc::storage_failed;
  }
  return OpenedRocksdb{std::unique_ptr<rocksdb::DB>(db), std::move(handles)};
}

}  // namespace revoked::engine
