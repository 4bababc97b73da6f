#pragma once
// Keeps a near cache true: the protocol state machine of a gateway. No sockets, no clock, no threads: events
// come in as calls, what to do comes out as `Actions`, in the order in which the members stand there. One
// thread at a time.
//
// Rules (docs/protocol.md):
//   - A message that continues where we are is applied. One that we have is ignored. One that leaves a gap is
//     applied at once as well (a deny may run ahead) and the missing range is asked for.
//   - A message of a newer epoch tells nothing about continuity (the engine may have lost what it had told
//     but not yet synced): the range after our position is asked for, and the engine says whether we ran
//     ahead. Older epochs are ignored.
//   - While anything is missing the cache is not trusted: the gateway asks the engine for each request and
//     keeps none of the answers.
//   - The follower is pinned to the journal that its engine names, by its id. What carries another id is not
//     from there, whatever its numbers are: it is ignored and counted, and the engine is asked whether it has
//     begun a new epoch. A position is asked after together with the journal id of its epoch, so that an
//     engine whose history differs (a restored older copy) says so: then everything starts afresh.
//   - A bus without signatures is hearsay. It moves no position and extends no lease. What it says of a key
//     or an owner makes the gateway ask again about them, and what it says of positions makes the follower
//     ask for a page, at a bounded rate, unless the engine's stream is read as well; then the engine is
//     believed.
//   - The lease is extended only by what shows that nothing is missing: a page that ends where the engine is
//     (from when it was asked), or a message or heartbeat that leaves no gap, on the bus or as the last of a
//     page that ends earlier, from when the engine *sent* it.
//     That is told from the engine's own clock in the message, which the last page has related to ours: it
//     was asked before, and answered with that time. What seems to come from the future extends nothing.
//   - Without a lease the follower is stale. Once stale, or after a pause (a process that was stopped finds
//     old messages in its sockets), messages are applied but do not extend the lease until a page has shown
//     where the engine is. A page is also asked for when the lease is about to end, so that a silent bus
//     makes nobody stale while the engine answers.
//   - Nobody's word stands above the engine's: a position that was heard of and that the engine, asked well
//     after, has not reached was never durable. The follower then starts afresh where the engine is.
//   - After a flush the cache is empty and the follower starts afresh where the engine says it is.
//
// When position() has moved to a newer epoch without a flush, the owner calls NearCache::advance after
// `apply`.

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "cache/bus/message.hpp"
#include "engine/base/boot_clock.hpp"

namespace revoked::cache {

using Monotonic = engine::BootClock::time_point;

class Follower {
 public:
  struct Options {
    std::chrono::milliseconds lease{3000};  // stale this long after the last sign that nothing is missing
    std::chrono::milliseconds repair_timeout{2000};  // a range asked for and not answered is asked for again
    Sequence max_repair = 100'000;                   // a larger gap is not read: flush instead
    std::chrono::milliseconds max_pause{1000};  // not called for longer: a page must show where the engine is
  };

  struct Actions {
    std::optional<Position> flush;    // drop everything; fills older than this position never get in
    std::vector<Invalidation> apply;  // in this order
    std::vector<Invalidation> doubt;  // hearsay: what is known of these keys and owners is to be asked for
    std::optional<Position> request_after;  // of journal(): read the engine's feed from there, call on_page*
  };

  explicit Follower(Options options);

  enum class Source {
    engine,      // the engine that we ask, over the connection that we made to it
    signed_bus,  // somebody who has the bus key
    bus,         // anybody
  };
  // From any source, in any order, any number of times.
  Actions on_message(Message message, Source source, Monotonic now);

  // What nobody here can read: whatever it was, the engine is asked.
  Actions on_unreadable(Source source, Monotonic now);

  // The answers to `request_after`: exactly one for each request, however late. One that never comes leaves
  // the follower stale rather than wrong. Unasked ones are ignored, except before the first message, when
  // they say where to begin.
  Actions on_page(Page page, Monotonic now);
  Actions on_page_gone(Page engine_now, Monotonic now);  // 410: start afresh where the engine is
  Actions on_page_failed(Monotonic now);                 // asked again at a later tick

  // What the engine answered to a question shows how far it is.
  Actions on_decision(Position as_of, std::string_view journal, Monotonic now);

  // Whether the engine's own stream is being read: then hearsay of positions need not make us read pages.
  void set_fed(bool fed) { fed_ = fed; }

  // To be called at least every 100 ms.
  Actions tick(Monotonic now);

  // Everything up to here has been applied. Nothing before the first message.
  std::optional<Position> position() const;
  // The journal id of the position's epoch, and the one of the epoch in which the engine is, as it says
  // itself.
  const std::string& journal() const { return journal_; }
  const std::string& engine_journal() const { return named_; }

  // What the engine's wall clock shows, at the latest: expiry is decided by it. Nothing before the engine
  // said.
  std::optional<UnixMs> engine_time(Monotonic now) const;

  // Messages that were of another journal than our engine's.
  std::uint64_t foreign_messages() const { return foreign_; }

  // Nothing is known to be missing: cached decisions may be served, answers may be kept.
  bool trusts_cache() const { return position_ && heard_ <= *position_; }

  // When the lease ends: stale from then on. Time zero before the first message.
  Monotonic lease_end() const { return lease_end_; }
  bool is_stale(Monotonic now) const { return now >= lease_end(); }

 private:
  struct Range {
    Sequence first;
    Sequence last;
  };
  // The engine's clock showed `up` when ours showed `asked`, or later.
  struct Relation {
    Monotonic asked;
    std::uint64_t up;
    Monotonic::duration bound() const { return asked.time_since_epoch() - std::chrono::milliseconds(up); }
  };
  enum class PageFit { whole, hole, ran_ahead };

  bool misses_something() const { return !trusts_cache(); }
  void notice(Monotonic now);
  void doubt(Monotonic now) { doubt_since_ = now; }
  void hear(Position position, Monotonic now);
  void extend_lease(Monotonic from);
  void extend_lease(const Message& message, Monotonic now);
  std::optional<Monotonic> sent_at(const Message& message, Monotonic now);

  void relate(const Page& page, Monotonic asked, Monotonic now);
  void forget_relation();
  bool is_related(Monotonic now) const;
  bool name(std::string_view journal, Epoch epoch, Monotonic now);
  bool is_of_the_past(const Page& page, Monotonic asked) const;

  void wonder(Monotonic now);
  void stop_wondering(Monotonic asked, bool moved, Monotonic now);
  void listen(Message& message, Monotonic now, Actions& actions);
  void note_evidence(Position as_of, Monotonic now);
  void weigh_evidence(Monotonic now);

  void receive(Message& message, Monotonic now, Actions& actions);
  void receive_ahead(Message& message, Actions& actions);
  void apply_after(Message& message, Sequence sequence, Actions& actions) const;
  void remember_ahead(Sequence first, Sequence last);
  bool is_applied_ahead(Sequence sequence) const;
  void absorb_ahead();
  void start_afresh(Position position, std::string journal, Monotonic now, Actions& actions);

  PageFit read_page(Page& page, Monotonic now, Actions& actions);
  void go_on_reading(const Page& page, Monotonic asked, Position before, Monotonic now);
  void end_page(Monotonic asked, bool moved, Monotonic now, Actions& actions);
  bool engine_never_reached_heard(Monotonic asked) const;
  Monotonic take_answer();
  void confirm(Monotonic asked, Monotonic as_of, Monotonic now);
  void ask_if_wanted(Monotonic now, Actions& actions);

  Options options_;
  std::optional<Position> position_;
  std::string journal_;  // of position_'s epoch
  std::string named_;    // of the epoch in which the engine is
  Epoch named_epoch_ = 0;
  Monotonic named_at_{};
  std::uint64_t foreign_ = 0;
  Position heard_;        // the furthest the engine has been heard to be; from then on not behind position_
  Monotonic heard_at_{};  // when it last grew
  std::optional<Relation> relation_;  // to the clock of the engine whose epoch is named_
  std::uint64_t newest_up_ = 0;       // heard in that epoch
  UnixMs wall_at_zero_ = 0;           // what its wall clock showed, or would have, when its `up` was 0
  std::vector<Range> ahead_;  // applied in heard_'s epoch, but not reached: sorted, with holes between
  Monotonic lease_end_{};
  Monotonic last_call_{};
  std::optional<Monotonic> doubt_since_;  // only a page asked for since then extends the lease

  unsigned unanswered_ = 0;  // requests
  Monotonic asked_at_{};     // the first of those
  Monotonic last_asked_{};
  Monotonic not_before_{};  // ask no earlier
  Position asked_after_;    // by the first of those
  bool afresh_since_asked_ = false;
  unsigned short_pages_in_a_row_ = 0;  // each of which said that there was more
  unsigned holes_in_a_row_ = 0;        // pages that did not lead on

  bool fed_ = false;
  std::optional<Monotonic> wonders_since_;  // hearsay: have the engine say
  Monotonic wonder_not_before_{};
  std::chrono::milliseconds wonder_pause_;
  std::optional<Position> evidence_;  // of an answer: to be reached soon after evidence_at_
  Monotonic evidence_at_{};
  Position next_evidence_;
};

}  // namespace revoked::cache
