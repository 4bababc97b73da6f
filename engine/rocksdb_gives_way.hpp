#pragma once
// Part of rocksdb_layout.cpp: keeps RocksDB's threads from making ours wait while they write a table.
//
// Threads that wait politely for their turn (Urgency::gathering) do not interrupt a thread that computes:
// they get the processor at the next tick of the clock, up to 4 ms later, and a revocation passes four of
// them. On a server with one core, a flush of 0.1 s would cost each revocation meanwhile several of these.
// RocksDB has no setting for that, but calls collectors of table properties while it builds a table: these
// collect nothing and give the processor away now and then. Not by a lower priority: the journal waits for a
// flush that is behind.

#include <rocksdb/table_properties.h>

#include <chrono>
#include <thread>

namespace revoked::engine {

class GivesWay final : public rocksdb::TablePropertiesCollector {
 public:
  rocksdb::Status AddUserKey(const rocksdb::Slice&, const rocksdb::Slice&, rocksdb::EntryType,
                             rocksdb::SequenceNumber, std::uint64_t) override {
    return rocksdb::Status::OK();
  }
  void BlockAdd(std::uint64_t, std::uint64_t, std::uint64_t) override {
    const auto now = std::chrono::steady_clock::now();
    if (now - since_ < every) return;
    std::this_thread::yield();
    since_ = std::chrono::steady_clock::now();
  }
  rocksdb::Status Finish(rocksdb::UserCollectedProperties*) override { return rocksdb::Status::OK(); }
  rocksdb::UserCollectedProperties GetReadableProperties() const override { return {}; }
  const char* Name() const override { return "GivesWay"; }

 private:
  // Long enough that a flush gets on when all others are busy: each time it may have to wait for 3 ms.
  static constexpr std::chrono::microseconds every{300};
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

class GivesWayFactory final : public rocksdb::TablePropertiesCollectorFactory {
 public:
  rocksdb::TablePropertiesCollector* CreateTablePropertiesCollector(Context) override { return new GivesWay; }
  const char* Name() const override { return "GivesWay"; }
};

}  // namespace revoked::engine
