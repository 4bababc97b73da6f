#pragma once
// Part of rocksdb_store.cpp: what lies where in RocksDB, and how it is set up.
//
// Column families
//   journal  first sequence of a batch (u64, big endian) → the batch
//   keys     key_id → what key_run.hpp says
//            key_id '\0' → the sequence that revoked it, folded in later. Sorts right behind its key
//   audit    kind, id '\0' sequence (u64, big endian) → nothing: what the audit trail is searched by
//   default  "epoch/" u64 → first sequence
//            "owner/" scope id '\0' sequence → nothing
//            "owners/" user '\0' application '\0' workspace '\0' sequence → nothing
//            "change/" sequence → the event that suspended, resumed, rotated or edited a key, or that locked
//                or unlocked an owner
//            "edit/" key_id '\0' member (u8, a Field) → what it was last set to
//            "folded_to" → sequence; "records_from" → sequence, see rocksdb_key_files.hpp
//            "checkpoint" → the id of the one that is of this store

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/audit.hpp"
#include "engine/error.hpp"
#include "engine/event.hpp"
#include "engine/store.hpp"

namespace revoked::engine {

struct OpenedRocksdb {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;  // default, journal, keys, audit
};
// See open_rocksdb_store.
result<OpenedRocksdb> open_rocksdb(const std::string& directory, std::string& detail);

inline rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

std::string big_endian(std::uint64_t value);
std::uint64_t from_big_endian(std::string_view bytes);
// As encode_i64 wrote it, at the front of `bytes`.
Sequence read_sequence(std::string_view bytes);

// A sequence (u64, big endian) follows these.
std::string owner_prefix(const OwnerIds& owners);
// The key of such a mark, its sequence included. False: it is none.
bool read_owner_mark(std::string_view key, OwnerMark& mark);
std::string edit_prefix(std::string_view key_id);
std::string audit_prefix(AuditKind kind, std::string_view id);

}  // namespace revoked::engine
