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
//   - The lease is extended only by what shows that nothing is missing: a newer message or heartbeat that
//     leaves no gap (from when it arrived), or a page that ends where the engine is (from when it was asked).
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

#include "cache/message.hpp"

namespace revoked::cache {

using Monotonic = std::chrono::steady_clock::time_point;

class Follower {
 public:
  struct Options {
    std::chrono::milliseconds lease{3000};  // stale this long after the last sign that nothing is missing
    std::chrono::milliseconds repair_timeout{2000};  // a range asked for and not answered is asked for again
    Sequence max_repair = 100'000;                   // a larger gap is not read: flush instead
    std::chrono::milliseconds max_pause{1000};  // not called for longer: a page must show where the engine is
  };

  struct Actions {
    std::optional<Position> flush;          // drop everything; fills older than this position never get in
    std::vector<Invalidation> apply;        // in this order
    std::optional<Position> request_after;  // read the engine's feed after this position, then call on_page*
  };

  explicit Follower(Options options) : options_(options) {}

  // From any source, in any order, any number of times.
  Actions on_message(Message message, Monotonic now);

  // The answers to `request_after`: exactly one for each request, however late. One that never comes leaves
  // the follower stale rather than wrong. Unasked ones are ignored, except before the first message, when
  // they say where to begin.
  Actions on_page(Page page, Monotonic now);
  Actions on_page_gone(Position engine_now, Monotonic now);  // 410: start afresh at `engine_now`
  Actions on_page_failed(Monotonic now);                     // asked again at a later tick

  // To be called at least every 100 ms.
  Actions tick(Monotonic now);

  // Everything up to here has been applied. Nothing before the first message.
  std::optional<Position> position() const;

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
  enum class PageFit { whole, hole, ran_ahead };

  bool misses_something() const { return !trusts_cache(); }
  void notice(Monotonic now);
  void doubt(Monotonic now) { doubt_since_ = now; }
  void hear(Position position, UnixMs at, Monotonic now);
  void forget_heard(Position position);
  void extend_lease(Monotonic from);

  void receive(Message& message, Monotonic now, Actions& actions);
  void receive_ahead(Message& message, Actions& actions);
  void apply_after(Message& message, Sequence sequence, Actions& actions) const;
  void remember_ahead(Sequence first, Sequence last);
  bool is_applied_ahead(Sequence sequence) const;
  void absorb_ahead();
  void start_afresh(Position position, Monotonic now, Actions& actions);

  PageFit read_page(Page& page, Monotonic now, Actions& actions);
  void end_page(Monotonic asked, bool moved, Monotonic now, Actions& actions);
  bool engine_never_reached_heard(Monotonic asked) const;
  Monotonic take_answer();
  void confirm(Monotonic asked, Monotonic now);
  void ask_if_wanted(Monotonic now, Actions& actions);

  Options options_;
  std::optional<Position> position_;
  Position heard_;        // the furthest the engine has been heard to be; from then on not behind position_
  Monotonic heard_at_{};  // when it last grew
  UnixMs newest_at_ = 0;  // the newest `at` heard in heard_'s epoch
  std::vector<Range> ahead_;  // applied in heard_'s epoch, but not reached: sorted, with holes between
  Monotonic lease_end_{};
  Monotonic last_call_{};
  std::optional<Monotonic> doubt_since_;  // only a page asked for since then extends the lease

  unsigned unanswered_ = 0;  // requests
  Monotonic asked_at_{};     // the first of those
  Monotonic last_asked_{};
  Monotonic not_before_{};  // ask no earlier
  bool afresh_since_asked_ = false;
};

}  // namespace revoked::cache
