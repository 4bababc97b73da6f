#pragma once
// Keeps an index up with its log, on a thread of its own: many batches at a time, and no commit waits for it.
// What it is not quick enough for it reads from the log later; an index that fails is opened again, and
// emptied if it is damaged, while the log goes on.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/index/index.hpp"
#include "engine/log/log.hpp"

namespace revoked::engine {

class Indexer {
 public:
  // On the indexer's thread.
  struct Source {
    std::function<result<std::unique_ptr<Index>>(std::string& detail)> reopen;
    std::function<void(std::string_view why)> tell;  // that the index failed; may be empty
  };

  // No index: it is opened later.
  Indexer(std::unique_ptr<Index> index, const Log& log, Source source);
  ~Indexer();  // adds what is in memory, and flushes
  Indexer(const Indexer&) = delete;
  Indexer& operator=(const Indexer&) = delete;

  // That it has been committed. On one thread.
  void add(const BatchView& batch);

  // The rest: from any thread.
  // Everything up to here is indexed.
  Sequence through() const;
  // As Index::scan. errc::overloaded while there is no index, or if it fails: then it is opened again.
  result<void> scan(IndexKind kind, std::string_view id, Sequence from,
                    const std::function<bool(Sequence)>& visit) const;
  // Waits until all that has been committed by now is indexed. errc::overloaded if that takes longer than
  // `patience`.
  result<void> wait() const;
  static constexpr std::chrono::seconds patience{5};

 private:
  // Batches that follow each other.
  struct Group {
    std::string bytes;
    std::vector<std::size_t> ends;
    void clear();
    void append(const BatchView& batch);
    bool views(std::vector<BatchView>& batches) const;
  };

  void run();
  void give_up(std::unique_lock<std::mutex>& lock, const std::string& why);
  result<void> index(Group& group);
  result<void> index_batches(const std::vector<BatchView>& batches);
  result<void> read_up_to(Sequence last);
  void open_again();

  const Log& log_;
  const Source source_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;  // for the indexer's thread
  mutable std::condition_variable indexed_;  // for everyone else
  std::shared_ptr<Index> index_;             // null while it has failed
  Indexed now_;                              // the thread's; what the index knows
  Sequence through_;
  Group gathered_;
  Sequence last_;  // committed
  mutable int waiting_ = 0;
  mutable bool scan_failed_ = false;
  bool stopping_ = false;
  std::string told_;                // the thread's: of the last failure
  std::vector<BatchView> batches_;  // the thread's
  IndexEntries entries_;            // the thread's
  std::thread thread_;
};

}  // namespace revoked::engine
