#pragma once
// Keeps a near cache consistent with the engine: the protocol state machine of a gateway. No sockets, no
// clock, no threads: each call passes an event in and returns `Actions`, to be executed in member order. One
// thread at a time.
//
// Rules (docs/protocol.md):
//   - A message that continues at our position is applied; one that we already have is ignored. One that
//     leaves a gap is applied at once as well (a deny may be early) and the missing range is requested.
//   - A message of a newer epoch proves nothing about continuity (the engine may have lost entries that it
//     had published but not synced): the range after our position is requested, and the response shows
//     whether we were ahead. Messages of older epochs are ignored.
//   - While anything is missing the cache is not trusted: the gateway asks the engine for each request and
//     keeps none of the answers.
//   - The follower is pinned to the journal id that its engine names. A message with another id is ignored
//     and counted, whatever its position, and the engine is asked whether it has begun a new epoch. A request
//     carries a position and the journal id of its epoch, so that an engine with another history (a restored
//     older copy) detects it: then the follower restarts.
//   - Messages of a bus without signatures are hints. They move no position and extend no lease. An event
//     makes the gateway ask the engine about its key or owner again. A position makes the follower request a
//     page, at a bounded rate, unless the engine's stream is connected.
//   - The lease is extended only by proof that nothing is missing: a page that ends at the engine's position
//     (from the time of the request), or a message or heartbeat that leaves no gap, on the bus or as the last
//     of a page that ends earlier (from the time when the engine *sent* it). The send time is the engine's
//     own clock in the message, related to our clock by the last page: it was requested before the time that
//     it carries. A send time in the future extends nothing.
//   - Without a lease the follower is stale. Once stale, or after a pause (a process that was stopped finds
//     old messages in its sockets), messages are applied but do not extend the lease until a page has shown
//     the engine's position. A page is also requested shortly before the lease ends, so that a silent bus
//     does not make the gateway stale while the engine responds.
//   - The engine is authoritative: a position that was published and that the engine has not reached when
//     asked well afterwards was never durable. The follower then restarts at the engine's position.
//   - After a flush the cache is empty and the follower restarts at the engine's position.
//   - Several engines may share a journal. Each has its own clock, and one may be behind another. One that is
//     behind what the follower knows proves nothing and restarts nothing: it is asked again, then another
//     engine is tried; only what no engine has reached in time was never durable. What is of an older epoch
//     than one that an engine has named proves nothing either. When another engine is used, a page must
//     confirm its position, and relates its clock, before its messages extend the lease.
//
// When position() has moved to a newer epoch without a flush, the owner calls NearCache::advance after
// `apply`.

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/bus/message.hpp"
#include "cache/edge/engine_clock.hpp"
#include "cache/edge/engine_lag.hpp"
#include "cache/edge/expected_position.hpp"
#include "cache/edge/journal_progress.hpp"
#include "cache/edge/lease.hpp"
#include "cache/edge/page_requests.hpp"
#include "cache/edge/probe_pace.hpp"

namespace revoked::cache {

class Follower {
 public:
  struct Options {
    std::chrono::milliseconds lease{3000};  // stale this long after the last proof that nothing is missing
    std::chrono::milliseconds repair_timeout{2000};  // an unanswered request is repeated after this
    Sequence max_repair = 100'000;                   // a larger gap is not repaired: flush
    std::chrono::milliseconds max_pause{1000};       // not called for longer: require a page
    bool has_several_engines = false;                // they share a journal
  };

  struct Actions {
    std::optional<Position> flush;          // drop everything; reject answers older than this position
    std::vector<Invalidation> apply;        // in this order
    std::vector<Invalidation> recheck;      // unsigned: ask the engine again about these keys and owners
    std::optional<Position> request_after;  // read the engine's feed of journal() after this, call on_page*
    bool is_engine_behind = false;          // use another engine, if there is one, and call on_engine_changed
  };

  explicit Follower(Options options);

  enum class Source {
    engine,      // our own connection to the engine
    signed_bus,  // a sender with the bus key
    bus,         // any sender
  };
  // From any source, in any order, any number of times.
  Actions on_message(Message message, Source source, Monotonic now);

  // A message that could not be decoded: the engine is asked.
  Actions on_unreadable(Source source, Monotonic now);

  // The responses to `request_after`: exactly one per request, however late; if one is missing, the follower
  // becomes stale. Responses without a request are ignored, except before the first message, when they set
  // the start position.
  Actions on_page(Page page, Monotonic now);
  Actions on_page_gone(Page engine_now, Monotonic now);  // 410: restart at the engine's position
  Actions on_page_failed(Monotonic now);                 // repeated at a later tick

  // The engine's answer to a question shows its position.
  Actions on_decision(Position as_of, std::string_view journal, Monotonic now);

  // From now on messages, pages and answers are of another engine. The request for a page that is open is
  // answered, or fails, as any other, and counts for nothing.
  Actions on_engine_changed(Monotonic now);

  // Whether the engine's stream is connected: then positions of unsigned messages need no page.
  void set_fed(bool fed) { fed_ = fed; }

  // Must be called at least every 100 ms.
  Actions tick(Monotonic now);

  // All events up to here have been applied. Empty before the first message.
  std::optional<Position> position() const { return progress_.position(); }
  // The journal id of the position's epoch, and that of the engine's current epoch as the engine names it.
  const std::string& journal() const { return progress_.journal(); }
  const std::string& engine_journal() const { return engine_journal_; }

  // Whether a message whose `up` is of this clock may be of our engine: another's extends no lease.
  bool may_be_of_engine(std::string_view clock) const { return clock_.may_be(clock); }
  // Of an older epoch than an engine has named: it proves nothing.
  bool is_outdated(Position as_of) const {
    if (!options_.has_several_engines || as_of.epoch == 0) return false;
    return as_of.epoch < std::max(progress_.published().epoch, engine_epoch_);
  }

  // Upper bound of the engine's wall clock, by which expiry is decided. Empty until the engine has sent it.
  std::optional<UnixMs> engine_time(Monotonic now) const { return clock_.wall_time(now); }

  // Messages of another journal than the engine's.
  std::uint64_t foreign_messages() const { return foreign_messages_; }

  // No event is known to be missing: cached decisions may be served, answers may be kept.
  bool trusts_cache() const { return progress_.is_complete(); }

  // End of the lease; stale from then on. Time zero before the first message.
  Monotonic lease_end() const { return lease_.end(); }
  bool is_stale(Monotonic now) const { return lease_.is_over(now); }

 private:
  // What a page led to: the follower continues, something is still missing before its messages, or it must
  // restart.
  enum class PageResult { applied, gap, restart };

  bool set_engine_journal(std::string_view journal, Epoch epoch, Monotonic now);
  bool predates_engine_epoch(const Page& page, Monotonic requested) const;
  void begin(const std::string& journal, Position position, Monotonic now, Actions& actions);
  void restart_at(Position position, std::string journal, Monotonic now, Actions& actions);
  void detect_pause(Monotonic now);

  void receive_unsigned(Message& message, Monotonic now, Actions& actions);
  void receive(Message& message, Monotonic now, Actions& actions);
  void note_reached(const Message& message, Monotonic now);
  void receive_old(const Message& message, bool is_newest, Monotonic now);
  void extend_lease(const Message& message, Monotonic now, Monotonic limit = Monotonic::max());
  std::optional<Monotonic> sent_at(const Message& message, Monotonic now);

  PageResult apply_page(Page& page, const PageRequests::Request& request, Monotonic now, Actions& actions);
  PageResult apply_messages(Page& page, Monotonic now, Actions& actions);
  void continue_reading(const Page& page, Monotonic requested, Position before, Monotonic now);
  void finish_reading(const Page& page, Monotonic requested, bool moved, Monotonic now, Actions& actions);
  bool should_have_been_reached(Monotonic requested) const;
  bool is_held_against(const Page& page, Monotonic requested, Monotonic now, Actions& actions);
  void request_if_due(Monotonic now, Actions& actions);

  Options options_;
  JournalProgress progress_;
  Lease lease_;
  EngineClock clock_;  // of the engine in engine_epoch_
  PageRequests requests_;
  ProbePace probe_;
  ExpectedPosition expected_;
  EngineLag lag_;  // of several engines only

  std::string engine_journal_;  // of the epoch in which the engine is
  Epoch engine_epoch_ = 0;
  Monotonic engine_epoch_since_{};
  std::uint64_t foreign_messages_ = 0;
  bool fed_ = false;
  Monotonic last_call_{};
  unsigned short_pages_in_a_row_ = 0;  // each had `more`
  unsigned gaps_in_a_row_ = 0;         // pages that did not continue at our position
};

}  // namespace revoked::cache
