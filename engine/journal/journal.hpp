#pragma once
// The ordered list of all events, with group commit.
//
// A change takes a `Turn`: the one lock that orders events. Its holder appends the event, which gets its
// sequence, and changes the tables, so the tables are always the projection of a prefix of the journal. A
// turn is short: no I/O, no waiting.
//
// The journal has two threads: the first closes the pending events as one batch and calls the listeners; the
// second has the log sync the batch at the same time, and calls the commit listeners when both are done.
// During a sync the next batch is gathered, but is published after a short time: gateways do not wait for a
// slow disk. After a failed commit nothing is accepted or confirmed (P11).

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "engine/base/counters.hpp"
#include "engine/base/mutex.hpp"
#include "engine/log/log.hpp"
#include "engine/model/event.hpp"

namespace revoked::engine {

// Called with each batch before it is confirmed, in order, on the first thread. The log may get several as
// one.
class JournalListener {
 public:
  virtual ~JournalListener() = default;
  virtual void on_batch(const BatchView& batch) = 0;
};

// Called on the second thread when everything up to `durable` is synced. Must be quick.
class CommitListener {
 public:
  virtual ~CommitListener() = default;
  virtual void on_durable(Sequence durable) = 0;
};

class Journal {
 public:
  // Limit of what is pending while a batch is synced. Beyond it, errc::overloaded.
  static constexpr std::size_t max_pending_bytes = 64 << 20;

  // A batch of this size is closed, which bounds what a look-up or a bus message must read. Events of one
  // turn are never split, so a turn with many makes a larger batch.
  static constexpr std::uint32_t max_batch_events = 2048;
  static constexpr std::size_t max_batch_bytes = 1 << 20;  // the same for large events

  // While the log is busy, events are published at most this long after they were appended.
  static constexpr std::chrono::microseconds publish_after{300};

  // How long to wait for more events if there are fewer than three quarters of the previous batch: the
  // callers of that one are about to return.
  static constexpr std::chrono::microseconds gather_for{150};

  // After a commit that took four times that or longer, those who waited for it may join the next one, which
  // others already wait for: for a quarter of the time that the commit took, at most `publish_after`.
  // Otherwise callers divide into two halves, each of which waits for the commit of the other.

  // Follows at first: it has everything up to `last`, of that epoch. `on_failure` is called once, on the
  // second thread.
  Journal(Log& log, Epoch epoch, Sequence last, std::function<void()> on_failure);
  ~Journal();  // stops
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // A batch that is in the log already, because another engine has appended it or because it begins an epoch,
  // and which the caller has applied to the tables. Only while it follows, on one thread.
  void follow(const BatchView& batch);
  // From now on it takes events, of the epoch that it has reached. Once.
  void lead();
  bool leads() const { return leads_.load(std::memory_order_acquire); }

  // A listener must outlive the journal's threads, unless it is removed. Add listeners at any time before
  // stop().
  void add(JournalListener& listener);
  void add(CommitListener& listener);
  void remove(CommitListener& listener);

  class REVOKED_SCOPED_CAPABILITY Turn {
   public:
    explicit Turn(Journal& journal) REVOKED_ACQUIRE(journal.mutex_);
    ~Turn() REVOKED_RELEASE();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // Whether an event would be accepted: errc::not_leader, storage_failed, not_ready (stopped) or overloaded
    // if not.
    result<void> open() const;
    // Only if open().
    Sequence append(const EventView& event);
    // The same with append_event() done before the turn, which makes the turn shorter.
    Sequence append_encoded(std::string_view event);

   private:
    template <class Append>
    Sequence append_as(Append&& append);

    Journal& journal_;
    bool appended_ = false;
  };

  // While one exists, no batch is closed: what its owner appends is committed together, also in several
  // turns. Short, like a turn: no I/O, no waiting for a commit. Waits while a batch is about to be closed.
  class Hold {
   public:
    explicit Hold(Journal& journal);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Journal& journal_;
  };

  // Read it before applied(): together they name a position that the tables have reached.
  Epoch epoch() const { return epoch_.load(std::memory_order_acquire); }
  // The tables reflect everything up to here.
  Sequence applied() const { return applied_.load(std::memory_order_acquire); }
  // Everything up to here is synced.
  Sequence durable() const { return durable_.load(std::memory_order_seq_cst); }
  bool has_failed() const { return failed_.load(std::memory_order_acquire); }

  // How long the log took to make a batch durable.
  const DurationHistogram& commits() const { return commits_; }

  // Waits until `sequence` is durable; false if the journal failed or stopped first. Blocks: not for network
  // threads.
  bool wait_until_durable(Sequence sequence);

  // Stops accepting events, commits what is pending, ends the threads.
  void stop();

 private:
  struct Closed {
    explicit Closed(Batch&& gathered) : batch(std::move(gathered)), view(batch.view()) {}
    Closed(const Closed&) = delete;  // the view refers to this object
    Closed& operator=(const Closed&) = delete;
    Batch batch;
    BatchView view;
  };

  void show_applied() REVOKED_REQUIRES(mutex_);
  void publish();
  bool has_gathered() const REVOKED_REQUIRES(mutex_);
  void write();
  void gather(std::uint32_t committed, std::chrono::nanoseconds took, MutexLock<Mutex<1>>& lock)
      REVOKED_REQUIRES(mutex_);
  BatchView close_batch() REVOKED_REQUIRES(mutex_);
  BatchView gather_closed(Batch& several) REVOKED_REQUIRES(mutex_);
  void confirm(Sequence durable);
  void open_batch(Sequence first) REVOKED_REQUIRES(mutex_);

  Log& log_;
  std::atomic<Epoch> epoch_;  // of applied_
  std::atomic<bool> leads_{false};
  const std::function<void()> on_failure_;

  // Locked by a turn; protects everything down to the blank line. What each turn uses comes first and
  // adjacent: it moves between the caches of threads.
  alignas(64) Mutex<1> mutex_;
  Sequence last_ REVOKED_GUARDED_BY(mutex_);
  Epoch last_epoch_ REVOKED_GUARDED_BY(mutex_);
  std::size_t pending_bytes_ REVOKED_GUARDED_BY(mutex_) = 0;  // not yet passed to the log
  Sequence closed_through_ REVOKED_GUARDED_BY(mutex_);
  Sequence published_through_ REVOKED_GUARDED_BY(mutex_);
  std::uint32_t publisher_waits_for_ REVOKED_GUARDED_BY(mutex_) = 0;  // number of events; 0: it does not wait
  Sequence gather_through_ REVOKED_GUARDED_BY(mutex_) = 0;            // what the writer waits for; 0: nothing
  std::chrono::steady_clock::time_point gather_until_ REVOKED_GUARDED_BY(mutex_);
  std::uint32_t holds_ REVOKED_GUARDED_BY(mutex_) = 0;
  bool is_closing_ REVOKED_GUARDED_BY(mutex_) = false;  // no hold begins
  bool stopping_ REVOKED_GUARDED_BY(mutex_) = false;
  bool published_all_ REVOKED_GUARDED_BY(mutex_) = false;
  std::deque<Batch> pending_ REVOKED_GUARDED_BY(mutex_);  // in order; the last one is open
  std::deque<Closed> closed_ REVOKED_GUARDED_BY(mutex_);  // before those, until published and written
  Batch spare_ REVOKED_GUARDED_BY(mutex_);                // its memory is reused for the next one
  Condition appended_;
  Condition closed_changed_;
  Condition written_;
  Condition holds_changed_;

  Mutex<1> listeners_mutex_;
  std::vector<JournalListener*> listeners_ REVOKED_GUARDED_BY(listeners_mutex_);

  Mutex<1> commit_mutex_;
  Condition committed_;
  std::vector<CommitListener*> commit_listeners_ REVOKED_GUARDED_BY(commit_mutex_);

  DurationHistogram commits_;  // added to by the second thread
  std::atomic<Sequence> applied_;
  std::atomic<Sequence> durable_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> ended_{false};
  std::thread publisher_;
  std::thread writer_;
};

}  // namespace revoked::engine
