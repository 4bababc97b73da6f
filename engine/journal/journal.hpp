#pragma once
// The ordered list of all events, with group commit.
//
// Whoever wants to change something takes a `Turn`: the one lock that orders events. In it the event is
// appended (and gets its sequence) and the tables are changed, so that the tables always are the projection
// of a prefix of the journal. A turn is short: no I/O, no waiting.
//
// Two threads of the journal's own: the first closes what has gathered as one batch and tells the listeners;
// the second meanwhile has the log sync it, and tells the commit listeners when both are done. While it
// syncs, the next batch gathers, but not for long: gateways do not wait for a slow disk. After a failed
// commit nothing is accepted and nothing is confirmed any more (P11).

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/base/spinning_mutex.hpp"
#include "engine/log/log.hpp"
#include "engine/model/event.hpp"

namespace revoked::engine {

// Hears each batch before it is confirmed, in order, on the telling thread. The log may get several as one.
class JournalListener {
 public:
  virtual ~JournalListener() = default;
  virtual void on_batch(const BatchView& batch) = 0;
};

// Hears that everything up to `durable` is synced, on the writing thread. Must be quick.
class CommitListener {
 public:
  virtual ~CommitListener() = default;
  virtual void on_durable(Sequence durable) = 0;
};

class Journal {
 public:
  // What may gather while a batch is being synced. More is refused with errc::overloaded.
  static constexpr std::size_t max_pending_bytes = 64 << 20;

  // A batch that has so many is closed: what one look-up or one bus message has to read stays bounded. Events
  // of one turn are never parted, so a turn with many makes a larger batch.
  static constexpr std::uint32_t max_batch_events = 2048;
  static constexpr std::size_t max_batch_bytes = 1 << 20;  // the same for large events

  // How long what has been appended waits to be told while the log is busy.
  static constexpr std::chrono::microseconds tell_after{300};

  // How long the teller waits for more where less has gathered than half of the batch before: the callers of
  // that one are about to come back.
  static constexpr std::chrono::microseconds gather_for{150};

  // The next event gets sequence `last + 1`. `on_failure` is called once, on the writing thread.
  Journal(Log& log, Epoch epoch, Sequence last, std::function<void()> on_failure);
  ~Journal();  // stops
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Listeners must outlive the journal's threads: add them from start to stop(), remove them before they go.
  void add(JournalListener& listener);
  void add(CommitListener& listener);
  void remove(CommitListener& listener);

  class Turn {
   public:
    explicit Turn(Journal& journal);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // Whether an event would be accepted: errc::storage_failed, not_ready (stopped) or overloaded if not.
    result<void> open() const;
    // Only if open().
    Sequence append(const EventView& event);
    // The same, with append_event() done before the turn, which so is shorter.
    Sequence append_encoded(std::string_view event);

   private:
    template <class Append>
    Sequence append_as(Append&& append);

    Journal& journal_;
    std::unique_lock<std::mutex> lock_;
    bool appended_ = false;
  };

  Epoch epoch() const { return epoch_; }
  // The tables reflect everything up to here.
  Sequence applied() const { return applied_.load(std::memory_order_acquire); }
  // Everything up to here is synced.
  Sequence durable() const { return durable_.load(std::memory_order_seq_cst); }
  bool has_failed() const { return failed_.load(std::memory_order_acquire); }

  // Waits until `sequence` is durable; false if the journal failed or stopped first. For start-up and tests:
  // a network thread must not call it.
  bool wait_until_durable(Sequence sequence);

  // Accepts nothing more, commits what has gathered, ends the threads.
  void stop();

 private:
  struct Closed {
    explicit Closed(Batch&& gathered) : batch(std::move(gathered)), view(batch.view()) {}
    Closed(const Closed&) = delete;  // the view is of this place
    Closed& operator=(const Closed&) = delete;
    Batch batch;
    BatchView view;
  };

  void tell();
  bool has_gathered() const;
  void write();
  BatchView close_batch();
  BatchView gather_closed(Batch& several);
  void confirm(Sequence durable);
  void open_batch(Sequence first);

  Log& log_;
  const Epoch epoch_;
  const std::function<void()> on_failure_;

  // A turn, and everything down to the blank line. What each turn touches comes first, close together: it
  // moves from one thread's cache to the next one's.
  alignas(64) SpinningMutex mutex_;
  Sequence last_;
  std::size_t pending_bytes_ = 0;  // of what the log has not been given
  Sequence closed_through_;
  Sequence told_through_;
  std::uint32_t teller_waits_for_ = 0;  // so many events; 0: it does not wait
  bool stopping_ = false;
  bool told_all_ = false;
  std::deque<Batch> pending_;  // in order; the last one is open
  std::deque<Closed> closed_;  // those before them, until they are told and written
  Batch spare_;                // its memory is for the next one
  std::condition_variable appended_;
  std::condition_variable closed_changed_;
  std::condition_variable written_;

  std::mutex listeners_mutex_;
  std::vector<JournalListener*> listeners_;

  std::mutex commit_mutex_;
  std::condition_variable committed_;
  std::vector<CommitListener*> commit_listeners_;

  std::atomic<Sequence> applied_;
  std::atomic<Sequence> durable_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> ended_{false};
  std::thread teller_;
  std::thread writer_;
};

}  // namespace revoked::engine
