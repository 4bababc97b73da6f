#pragma once
// The engine's side of the invalidation protocol: turns each batch of the journal into messages (usually
// one), passes them to the outlets (Redis) at once, and buffers the newest for readers of the HTTP feed.
// Older ranges are read from the journal, which has all of them.
//
// `on_batch` is called on the journal's thread; everything else from any thread.

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/bus/message_encoder.hpp"
#include "cache/feed/published_position.hpp"
#include "cache/feed/reached_times.hpp"
#include "engine/base/counters.hpp"
#include "engine/base/mutex.hpp"
#include "engine/cluster/standing.hpp"
#include "engine/engine.hpp"

namespace revoked::cache {

class Feed final : public engine::JournalListener, public engine::CommitListener {
 public:
  static constexpr std::size_t max_kept_bytes = 16 << 20;
  static constexpr std::size_t exact_times = 512;  // of that many batches the time is known exactly

  using Text = std::shared_ptr<const std::string>;
  // Called with every message and heartbeat, in order, with the feed's lock held: must not block or call
  // back.
  using Outlet = std::function<void(const Text&)>;
  // Called when there are new messages. Same rules.
  using Watcher = std::function<void()>;

  // The last published position, and the journal id of its epoch.
  struct Place {
    Position position;
    std::string journal;
  };

  // Both before the journal starts; valid until the feed is destroyed.
  void add_outlet(Outlet outlet);
  void add_watcher(Watcher watcher);

  // Of an engine that shares its journal, before it starts: what is said here is valid only as the standing
  // says, and only the leader passes it to the outlets.
  void limit_to(const engine::Standing& standing) { standing_ = &standing; }
  // Where an engine that follows begins.
  void begin_at(Place place);

  void on_batch(const engine::BatchView& batch) override;
  // Needed only with limit_to(): a gateway may have a proof from another engine, which has a batch only once
  // it is durable, so only from then on does no proof leave it out.
  void on_durable(Sequence durable) override;

  Place place() const;
  // Of what is sent from now on: nothing that was acknowledged before its time is missing in what has been
  // published by now. Take it before reading what it is for.
  Stamp stamp(std::string_view journal) const;

  // What this engine knows of a position that a gateway has reported, of this journal (empty: not reported).
  PublishedPosition find(Position position, std::string_view journal) const;

  // When it was published, by BootClock. Nothing that was sent after the latest time proves to a gateway that
  // it misses nothing without it. Empty: not yet, or before this process.
  std::optional<ReachedTimes::Span> published_at(Sequence sequence) const;
  // The latest time at which anything before this process was published. Empty: nothing has been since.
  std::optional<ReachedTimes::Time> published_before_by() const;
  Position published() const { return place().position; }

  // Sends a heartbeat to the outlets. Must be called every second. `report_ms`: see Message.
  void send_heartbeat(std::optional<std::uint64_t> report_ms = {});

  // How many messages were passed to the outlets, without heartbeats, and how many heartbeats. Any thread.
  std::uint64_t messages() const { return messages_.value(); }
  std::uint64_t heartbeats() const { return heartbeats_.value(); }

  struct Item {
    Position position;  // where the message ends
    Text message;
  };
  struct Reading {
    bool gone = false;  // the reader cannot continue here: the range is unavailable, or was never published
    bool more = false;  // the limits cut the reading short
    Position position;  // where the reading ends; if gone, the feed's position
    Place published;    // the feed's position at that time
    std::vector<Item> items;
  };
  // The messages after `after`, up to about `max_events` events and engine::max_page_bytes; nothing if that
  // needs a disk read. Also gone if `after`'s epoch has another journal id than `journal` (unless `journal`
  // is empty): the reader followed another journal, or this one before an older copy was restored.
  std::optional<Reading> read_newest(const engine::Engine& engine, Position after, std::string_view journal,
                                     std::size_t max_events) const;
  // The same for messages of any age. May read the disk.
  engine::result<Reading> read(const engine::Engine& engine, Position after, std::string_view journal,
                               std::size_t max_events) const;

 private:
  struct Kept {
    Epoch epoch;
    Sequence first;
    Sequence last;
    Text message;
  };
  void begin_epoch(const engine::BatchView& batch);
  bool read_kept(Sequence after, std::size_t max_events, Reading& reading) const;

  bool is_leading() const;

  const engine::Standing* standing_ = nullptr;  // null: alone
  mutable engine::Mutex<2> mutex_;
  std::vector<Outlet> outlets_ REVOKED_GUARDED_BY(mutex_);
  std::vector<Watcher> watchers_ REVOKED_GUARDED_BY(mutex_);
  std::deque<Kept> kept_ REVOKED_GUARDED_BY(mutex_);
  std::size_t kept_bytes_ REVOKED_GUARDED_BY(mutex_) = 0;
  Place published_ REVOKED_GUARDED_BY(mutex_);
  ReachedTimes times_ REVOKED_GUARDED_BY(mutex_){exact_times};
  std::deque<std::pair<Sequence, ReachedTimes::Time>> not_durable_ REVOKED_GUARDED_BY(mutex_);
  engine::Counter messages_;  // these two are added to with the lock held
  engine::Counter heartbeats_;
};

}  // namespace revoked::cache
