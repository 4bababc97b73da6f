#pragma once
// Keeps an index up to date with its log, on a separate thread: many batches at a time, and no commit waits
// for it. Batches that exceed its buffer are read from the log later. An index that fails is opened again,
// and emptied if it is damaged, while the log is not affected.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/mutex.hpp"
#include "engine/index/index.hpp"
#include "engine/log/log.hpp"

namespace revoked::engine {

class Indexer {
 public:
  // Called on the indexer's thread.
  struct Source {
    std::function<result<std::unique_ptr<Index>>(std::string& detail)> reopen;
    std::function<void(std::string_view why)> report;  // the index failed; may be empty
  };

  // If `index` is null, it is opened later.
  Indexer(std::unique_ptr<Index> index, const Log& log, Source source);
  ~Indexer();  // indexes what is in memory, and flushes
  Indexer(const Indexer&) = delete;
  Indexer& operator=(const Indexer&) = delete;

  // A batch was committed. On one thread.
  void add(const BatchView& batch);

  // The rest from any thread. Everything up to here is indexed.
  Sequence through() const;
  // As Index::scan. errc::overloaded while there is no index, or if it fails: it is then opened again.
  result<void> scan(IndexKind kind, std::string_view id, Sequence from,
                    const std::function<bool(Sequence)>& visit) const;
  // Waits until everything committed so far is indexed. errc::overloaded if that takes longer than
  // `patience`.
  result<void> wait() const;
  static constexpr std::chrono::seconds patience{5};

 private:
  // Consecutive batches.
  struct Group {
    std::string bytes;
    std::vector<std::size_t> ends;
    void clear();
    void append(const BatchView& batch);
    bool views(std::vector<BatchView>& batches) const;
  };

  void run();
  void give_up(std::string why) REVOKED_REQUIRES(mutex_);
  std::shared_ptr<Index> current() const;
  result<void> index(Group& group);
  result<void> index_batches(const std::vector<BatchView>& batches);
  result<void> read_up_to(Sequence last);
  void open_again();

  const Log& log_;
  const Source source_;
  mutable Mutex<1> mutex_;
  mutable Condition changed_;                                // waited for by the indexer's thread
  mutable Condition indexed_;                                // waited for by all others
  std::shared_ptr<Index> index_ REVOKED_GUARDED_BY(mutex_);  // null after a failure, until reopened
  Indexed now_;  // of the indexer's thread; how far the index goes
  Sequence through_ REVOKED_GUARDED_BY(mutex_);
  Group gathered_ REVOKED_GUARDED_BY(mutex_);
  Sequence last_ REVOKED_GUARDED_BY(mutex_);  // the last committed sequence
  mutable int waiting_ REVOKED_GUARDED_BY(mutex_) = 0;
  mutable bool scan_failed_ REVOKED_GUARDED_BY(mutex_) = false;
  bool stopping_ REVOKED_GUARDED_BY(mutex_) = false;

  // Used on the indexer's thread.
  std::shared_ptr<Index> failed_;  // closed without the lock
  std::string failure_;
  std::string reported_;  // the last failure reported
  std::vector<BatchView> batches_;
  IndexEntries entries_;
  std::thread thread_;
};

}  // namespace revoked::engine
