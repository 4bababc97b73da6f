#pragma once
// Which keys a webhook is to be told of because they expire: in the order of their expiry, each at least
// once. The journal has no event for it. So the tables are scanned from time to time for what has become due
// since the last scan; and an event that sets an expiry which the last scan has passed is due at once.
//
// Without clock, files and sockets. One thread.

#include <array>
#include <chrono>
#include <compare>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "cache/webhooks/webhook.hpp"
#include "engine/engine.hpp"

namespace revoked::cache {

// A place in the order of expiries: behind all keys that expire before, and of those that expire then behind
// the ids up to this one.
struct ExpiryMark {
  engine::UnixMs expires_at = 0;
  std::string key_id;
  friend auto operator<=>(const ExpiryMark&, const ExpiryMark&) = default;
};

// Up to where a webhook has been told, by expiry_events (webhook_events.hpp). None: it does not want these.
using ExpiryMarks = std::array<std::optional<ExpiryMark>, expiry_events.size()>;

class ExpiryTracker {
 public:
  // The keys that one scan finds for an event: those that are due first. More are left to the next scan.
  static constexpr std::size_t max_found = 1'000;

  // A key that an event is due for.
  struct Due {
    std::size_t kind;  // of expiry_events
    ExpiryMark key;    // without expiry: whichever it has, if that is due
    friend bool operator==(const Due&, const Due&) = default;
  };
  using DueVisitor = std::function<void(const Due&)>;

  // The engine outlives this.
  ExpiryTracker(const engine::Engine& engine, const Webhook& hook);

  bool is_used() const { return kinds_[0].is_used || kinds_[1].is_used; }

  // Continues behind these marks, as far as that is due now; with an event that has none, begins now.
  void begin(const ExpiryMarks& marks, engine::UnixMs now);
  // Where to begin again when all events of the journal up to `position` have been told.
  ExpiryMarks marks(engine::Sequence position) const;

  // Takes every event of the journal; before a scan, all that are durable. Visits what is due because of it.
  void see(engine::Sequence sequence, const engine::EventView& event, const DueVisitor& visit);
  // When the first of what was seen is due, if that was after the last scan.
  engine::UnixMs next_due() const { return next_due_; }

  // A scan begins when all that was found has been told. It ends once everything that the engine had applied
  // after the last piece is durable: otherwise a revocation, say, might have hidden a key and be lost.
  void begin_scan(engine::UnixMs now);
  bool scan_piece();  // about a millisecond; false: that was the last
  void end_scan(engine::Sequence applied);
  bool has_more() const;  // another scan would find more at once

  // What the last scan has found: the next of it, which stays the next until it has been told.
  std::optional<Due> next() const;
  void told(const Due& due);

  // The key; none if there is nothing to tell of it any more: it was revoked, or its expiry was changed, of
  // which another event tells. Reads the disk.
  engine::result<std::optional<engine::KeyDescription>> look_up(const Due& due, engine::UnixMs now) const;

 private:
  struct Kind {
    bool is_used = false;
    std::chrono::milliseconds lead{0};  // due this long before the expiry
    ExpiryMark told;
    ExpiryMark scanned;  // what is up to here has been told or is in `found`
    ExpiryMark before;   // what `scanned` was before the last scan
    std::deque<ExpiryMark> found;
    // Of the scan under way.
    engine::UnixMs through = 0;
    std::vector<ExpiryMark> first;  // a heap, the last one on top
    bool is_truncated = false;
  };

  bool was_scanning(engine::Sequence sequence) const {
    return sequence > scan_began_ && sequence <= scan_ended_;
  }
  void see_expiry(const ExpiryMark& key, const DueVisitor& visit);
  void see_forgotten(engine::Sequence sequence, const engine::EventView& event, const DueVisitor& visit);
  void add(std::size_t range, engine::UnixMs expires_at, std::string_view key_id);

  const engine::Engine& engine_;
  std::array<Kind, expiry_events.size()> kinds_;
  engine::Engine::ExpiryScan scan_;
  std::vector<std::size_t> kind_of_range_;
  // A scan may have missed what events between these changed.
  engine::Sequence scan_began_ = 0;
  engine::Sequence scan_ended_ = 0;
  engine::UnixMs next_due_ = std::numeric_limits<engine::UnixMs>::max();
};

}  // namespace revoked::cache
