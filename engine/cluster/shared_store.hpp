#pragma once
// The store of an engine that shares its journal: the rows in PostgreSQL are the journal, the log and the
// index in the data directory a copy, from which everything is read. The leader appends to both, a follower
// copies what others have appended.

#include <functional>
#include <memory>
#include <string>

#include "engine/cluster/standing.hpp"
#include "engine/log/postgres_log.hpp"
#include "engine/store.hpp"

namespace revoked::engine {

class SharedStore final : public Store {
 public:
  // `standing` outlives it.
  SharedStore(std::unique_ptr<Store> copy, const PostgresLog::Options& options, const Standing& standing)
      : copy_(std::move(copy)), log_(options), standing_(standing) {}

  // Before the first append: connects to the server where `lead` holds the lead; rows follow `tail`, which
  // the copy has.
  result<void> begin_appending(const PostgresLog::Tail& tail, const PostgresLog& lead);
  // Appends only while this engine may, and fails if it may not any more when the row is durable.
  result<void> append(const BatchView& batch) override;
  // A row that another engine has appended.
  result<void> copy(const BatchView& batch) { return copy_->append(batch); }
  // Ends an append that waits. From any thread.
  void interrupt() { log_.interrupt(); }

  Sequence last() const override { return copy_->last(); }
  result<void> read(Sequence from, const Visitor& visit) const override { return copy_->read(from, visit); }
  Sequence indexed_to() const override { return copy_->indexed_to(); }
  result<void> scan_index(IndexKind kind, std::string_view id, Sequence from,
                          const std::function<bool(Sequence)>& visit) const override {
    return copy_->scan_index(kind, id, from, visit);
  }
  result<void> wait_for_index() const override { return copy_->wait_for_index(); }
  result<std::unique_ptr<Backup>> back_up() const override { return copy_->back_up(); }
  std::string failure() const override;

 private:
  const std::unique_ptr<Store> copy_;
  PostgresLog log_;  // used by one thread at a time
  const Standing& standing_;
  PostgresLog::Tail tail_;
  mutable Mutex<lone_level> mutex_;
  std::string failure_ REVOKED_GUARDED_BY(mutex_);
};

}  // namespace revoked::engine
