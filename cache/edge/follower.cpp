#include "cache/edge/follower.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace revoked::cache {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

// Sums of a sequence and 1 must not overflow.
constexpr Sequence max_sequence = std::numeric_limits<std::int64_t>::max() - 1;
// Upper limit accepted for an engine's clock: sums of such times, in nanoseconds, must not overflow.
constexpr std::uint64_t max_up = std::chrono::duration_cast<milliseconds>(std::chrono::years(100)).count();
constexpr std::size_t max_ahead_ranges = 1024;
constexpr unsigned max_short_pages_in_a_row = 100;
constexpr Sequence short_page = 100;  // moves us by fewer entries
constexpr unsigned max_holes_in_a_row = 5;

// Maximum drift of two clocks while a relation is valid, plus a margin.
constexpr auto max_skew = 50ms;
constexpr auto relation_lasts = 60s;
constexpr auto relate_every = 30s;

// Pause between two requests caused by unsigned messages: doubles while the engine reports nothing new.
constexpr auto least_wonder_pause = 50ms;
constexpr auto most_wonder_pause = 1000ms;

// An event that an answer has shown must arrive within this time, or counts as missing.
constexpr auto message_takes = 100ms;

// Delay before a request without result is repeated.
std::chrono::milliseconds retry_pause(const Follower::Options& options) {
  return options.repair_timeout / 20;
}

bool is_sound(const Message& message) {
  return message.epoch != 0 && message.first != 0 && message.last <= max_sequence &&
         message.first <= message.last + 1;
}

bool has_unknown_event(const Message& message) {
  return std::any_of(message.events.begin(), message.events.end(),
                     [](const Invalidation& event) { return event.type == Invalidation::Type::unknown; });
}

}  // namespace

Follower::Follower(Options options) : options_(options), wonder_pause_(least_wonder_pause) {}

std::optional<Position> Follower::position() const { return position_; }

Follower::Actions Follower::on_message(Message message, Source source, Monotonic now) {
  Actions actions;
  if (!is_sound(message)) return actions;
  if (message.up && *message.up > max_up) message.up.reset();
  notice(now);
  const bool is_ours = message.journal == named_ && message.epoch == named_epoch_;
  if (source != Source::engine && !is_ours) {
    // Before the engine's position is known there is nothing to compare with.
    if (!position_) return actions;
    ++foreign_;
    wonder(now);
  } else if (source == Source::bus) {
    listen(message, now, actions);
  } else if (!position_) {
    const Position last{message.epoch, message.last};
    name(message.journal, message.epoch, now);
    start_afresh(last, message.journal, now, actions);
    doubt(now);
  } else if (message.epoch >= heard_.epoch) {
    if (message.epoch != named_epoch_) name(message.journal, message.epoch, now);
    if (message.epoch != position_->epoch || message.journal == journal_) {
      receive(message, now, actions);
    } else {
      doubt(now);  // the engine contradicts itself: request a page
    }
  }
  if (position_) ask_if_wanted(now, actions);
  return actions;
}

// Requested before the engine began its current epoch: the response may be of the previous epoch.
bool Follower::is_of_the_past(const Page& page, Monotonic asked) const {
  return page.journal != named_ && asked < named_at_;
}

Follower::Actions Follower::on_unreadable(Source source, Monotonic now) {
  Actions actions;
  notice(now);
  if (!position_) return actions;
  if (source == Source::bus) {
    wonder(now);
  } else {
    doubt(now);
  }
  ask_if_wanted(now, actions);
  return actions;
}

// Sets the engine's journal. True if messages already received, and possibly applied, are of another history.
bool Follower::name(std::string_view journal, Epoch epoch, Monotonic now) {
  if (named_ == journal && named_epoch_ == epoch) return false;
  named_ = journal;
  named_epoch_ = epoch;
  named_at_ = now;
  forget_relation();
  if (epoch > heard_.epoch) return false;
  // Positions of another history are not comparable.
  heard_ = {};
  ahead_.clear();
  return true;
}

// ---- unsigned messages

void Follower::listen(Message& message, Monotonic now, Actions& actions) {
  for (auto& event : message.events) {
    event.epoch = message.epoch;
    if (Position{message.epoch, event.sequence} <= *position_) continue;  // already received from the engine
    if (event.type != Invalidation::Type::unknown) actions.doubt.push_back(std::move(event));
  }
  if (!fed_ && Position{message.epoch, message.last} > *position_) wonder(now);
}

void Follower::wonder(Monotonic now) {
  if (!wonders_since_) wonders_since_ = now;
}

// The engine has answered a request made at `asked`.
void Follower::stop_wondering(Monotonic asked, bool moved, Monotonic now) {
  if (!wonders_since_ || asked < *wonders_since_) return;
  wonders_since_.reset();
  wonder_pause_ = moved ? least_wonder_pause : std::min(2 * wonder_pause_, milliseconds(most_wonder_pause));
  wonder_not_before_ = now + wonder_pause_;
}

Follower::Actions Follower::on_decision(Position as_of, std::string_view journal, Monotonic now) {
  Actions actions;
  if (!position_) return actions;
  if (journal != named_) {
    wonder(now);
    ask_if_wanted(now, actions);
  } else {
    note_evidence(as_of, now);
  }
  return actions;
}

// The message that covers `as_of` may still be in flight.
void Follower::note_evidence(Position as_of, Monotonic now) {
  if (as_of <= *position_ || as_of.sequence > max_sequence) return;
  if (evidence_) {
    next_evidence_ = std::max(next_evidence_, as_of);
    return;
  }
  evidence_ = as_of;
  evidence_at_ = now;
}

void Follower::weigh_evidence(Monotonic now) {
  if (!evidence_) return;
  if (*evidence_ > *position_) {
    if (now - evidence_at_ < message_takes) return;
    hear(*evidence_, now);
  }
  evidence_.reset();
  note_evidence(std::exchange(next_evidence_, {}), now);
}

// ---- messages of the followed engine

// Of the newest known epoch, or of a newer one.
void Follower::receive(Message& message, Monotonic now, Actions& actions) {
  const Position last{message.epoch, message.last};
  const bool is_newest = message.epoch > heard_.epoch || (message.up && *message.up > newest_up_);
  if (message.up && *message.up >= newest_up_) {
    newest_up_ = *message.up;
    wall_at_zero_ = message.at - static_cast<UnixMs>(*message.up);
  }
  hear(last, now);
  const Position reached = *position_;
  const bool same_epoch = message.epoch == reached.epoch;

  if (same_epoch && message.last <= reached.sequence) {
    if (!message.is_heartbeat()) return;
    if (message.last == reached.sequence) {
      if (trusts_cache() && !doubt_since_) extend_lease(message, now);
    } else if (is_newest) {
      doubt(now);  // the engine claims a position behind ours
    }
    return;
  }

  const Sequence missing = message.first > reached.sequence ? message.first - 1 - reached.sequence : 0;
  if (has_unknown_event(message) || missing > options_.max_repair) {
    start_afresh(last, message.journal, now, actions);
  } else if (same_epoch && missing == 0) {
    apply_after(message, reached.sequence, actions);
    position_ = last;
    absorb_ahead();
  } else {
    receive_ahead(message, actions);
    return;
  }
  if (trusts_cache() && !doubt_since_) extend_lease(message, now);
}

// An entry before the message is missing, or may be.
void Follower::receive_ahead(Message& message, Actions& actions) {
  if (message.is_heartbeat()) return;
  apply_after(message, 0, actions);
  remember_ahead(message.first, message.last);
}

Follower::Actions Follower::on_page(Page page, Monotonic now) {
  Actions actions;
  notice(now);
  page.published = std::max(page.published, page.position);
  if (page.position.epoch == 0 || page.published.sequence > max_sequence) return on_page_failed(now);
  if (!position_) {
    name(page.journal, page.published.epoch, now);
    start_afresh(page.published, page.journal, now, actions);
    doubt(now);
    ask_if_wanted(now, actions);
    return actions;
  }
  if (unanswered_ == 0) return actions;
  const bool about_here = !afresh_since_asked_;
  const auto asked = take_answer();
  if (!about_here || is_of_the_past(page, asked)) {
    ask_if_wanted(now, actions);
    return actions;
  }
  const bool is_another = name(page.journal, page.published.epoch, now);
  relate(page, asked, now);
  const auto before = *position_;
  auto fit = is_another ? PageFit::ran_ahead : read_page(page, now, actions);
  // A permanent hole: its content is unknown, so requesting it again is useless.
  holes_in_a_row_ = fit == PageFit::hole && *position_ == before ? holes_in_a_row_ + 1 : 0;
  if (holes_in_a_row_ > max_holes_in_a_row) fit = PageFit::ran_ahead;
  if (fit == PageFit::ran_ahead) {
    holes_in_a_row_ = 0;
    start_afresh(page.published, page.journal, now, actions);
    page.more = false;
  }
  const bool moved = *position_ != before;
  if (fit == PageFit::hole) {
    not_before_ = now + retry_pause(options_);
  } else if (page.more) {
    go_on_reading(page, asked, before, now);
  } else {
    short_pages_in_a_row_ = 0;
    end_page(asked, moved, now, actions);
  }
  if (!page.more) stop_wondering(asked, moved, now);
  ask_if_wanted(now, actions);
  return actions;
}

// Called for a page that ends before the engine's position. It is complete up to its last message. Requests
// are paced if the engine keeps returning short pages.
void Follower::go_on_reading(const Page& page, Monotonic asked, Position before, Monotonic now) {
  const bool is_short = position_->sequence < before.sequence + short_page;
  short_pages_in_a_row_ = is_short ? short_pages_in_a_row_ + 1 : 0;
  const bool moved = *position_ != before;
  if (!moved || short_pages_in_a_row_ > max_short_pages_in_a_row) not_before_ = now + retry_pause(options_);
  if (!moved || page.messages.back().last != position_->sequence) return;
  if (const auto sent = sent_at(page.messages.back(), now)) confirm(asked, *sent, now);
}

// Applies the page's messages as far as they continue at our position.
Follower::PageFit Follower::read_page(Page& page, Monotonic now, Actions& actions) {
  // The engine is behind the position that was asked about, although it knew that position.
  if (page.position < asked_after_) return PageFit::ran_ahead;
  for (auto& message : page.messages) {
    const Position reached = *position_;
    if (!is_sound(message)) return PageFit::hole;
    if (message.epoch == reached.epoch && message.journal != journal_) return PageFit::ran_ahead;
    if (message.is_heartbeat() || message.epoch < reached.epoch) continue;
    if (message.epoch == reached.epoch && message.last <= reached.sequence) continue;
    if (message.first > reached.sequence + 1) return PageFit::hole;
    // The new epoch begins at or before our position: the engine has lost entries that it had published.
    if (message.epoch > reached.epoch && message.first <= reached.sequence) return PageFit::ran_ahead;
    if (has_unknown_event(message)) return PageFit::ran_ahead;
    apply_after(message, reached.sequence, actions);
    position_ = {message.epoch, message.last};
    journal_ = message.journal;
    hear(*position_, now);
    absorb_ahead();
  }
  if (page.position > *position_) {
    hear(page.position, now);
    return PageFit::hole;
  }
  if (position_->epoch == named_epoch_ && journal_ != named_) return PageFit::ran_ahead;
  if (page.published > *position_) {
    hear(page.published, now);
    if (page.published.sequence > position_->sequence + options_.max_repair) return PageFit::ran_ahead;
  }
  return PageFit::whole;
}

// Called for a page that ends at the engine's position.
void Follower::end_page(Monotonic asked, bool moved, Monotonic now, Actions& actions) {
  if (misses_something() && engine_never_reached_heard(asked)) {
    heard_ = *position_;
    start_afresh(*position_, journal_, now, actions);
  }
  if (misses_something()) {
    if (!moved) not_before_ = now + retry_pause(options_);
    return;
  }
  confirm(asked, asked, now);
}

Follower::Actions Follower::on_page_gone(Page engine_now, Monotonic now) {
  Actions actions;
  notice(now);
  const auto position = engine_now.position;
  if (position.epoch == 0 || position.sequence > max_sequence) return on_page_failed(now);
  if (!position_) {
    name(engine_now.journal, position.epoch, now);
    start_afresh(position, engine_now.journal, now, actions);
    doubt(now);
  } else if (unanswered_ == 0) {
    doubt(now);  // ask the engine to confirm it for our current position
  } else {
    const bool about_here = !afresh_since_asked_;
    const auto asked = take_answer();
    if (about_here && !is_of_the_past(engine_now, asked)) {
      name(engine_now.journal, position.epoch, now);
      relate(engine_now, asked, now);
      if (engine_never_reached_heard(asked)) heard_ = position;
      start_afresh(position, engine_now.journal, now, actions);
      if (trusts_cache()) confirm(asked, asked, now);
      stop_wondering(asked, true, now);
      not_before_ = now + retry_pause(options_);
    }
  }
  ask_if_wanted(now, actions);
  return actions;
}

Follower::Actions Follower::on_page_failed(Monotonic now) {
  notice(now);
  if (unanswered_ != 0) take_answer();
  not_before_ = now + retry_pause(options_);
  return {};
}

Follower::Actions Follower::tick(Monotonic now) {
  Actions actions;
  notice(now);
  if (!position_) return actions;
  weigh_evidence(now);
  ask_if_wanted(now, actions);
  return actions;
}

// Detects a pause in the calls: messages that arrive next may have been sent long ago.
void Follower::notice(Monotonic now) {
  const bool paused = now - last_call_ > options_.max_pause;
  last_call_ = std::max(last_call_, now);
  if (!position_) return;
  if (paused || (is_stale(now) && !doubt_since_)) doubt(now);
}

void Follower::hear(Position position, Monotonic now) {
  if (position.epoch > heard_.epoch) ahead_.clear();
  if (position <= heard_) return;
  heard_ = position;
  heard_at_ = now;
}

// ---- time

void Follower::extend_lease(Monotonic from) { lease_end_ = std::max(lease_end_, from + options_.lease); }

void Follower::extend_lease(const Message& message, Monotonic now) {
  if (const auto sent = sent_at(message, now)) extend_lease(*sent);
}

// Lower bound of the time when the engine sent it.
std::optional<Monotonic> Follower::sent_at(const Message& message, Monotonic now) {
  if (!message.up || message.epoch != named_epoch_ || !is_related(now)) return {};
  const Monotonic sent(relation_->bound() + milliseconds(*message.up));
  if (sent <= now + max_skew) return std::min(sent, now);
  wonder(now);  // the relation no longer holds
  return {};
}

void Follower::relate(const Page& page, Monotonic asked, Monotonic now) {
  if (!page.up || *page.up > max_up) return;
  const Relation found{asked, *page.up};
  // A slow response gives a worse bound than the one before, but clocks drift.
  const bool is_better = !relation_ || found.bound() > relation_->bound();
  if (is_better || now - relation_->asked > relate_every) relation_ = found;
  if (page.at && *page.up >= newest_up_) {
    newest_up_ = *page.up;
    wall_at_zero_ = *page.at - static_cast<UnixMs>(*page.up);
  }
}

void Follower::forget_relation() {
  relation_.reset();
  newest_up_ = 0;
}

bool Follower::is_related(Monotonic now) const {
  return relation_ && now - relation_->asked <= relation_lasts;
}

std::optional<UnixMs> Follower::engine_time(Monotonic now) const {
  if (!relation_ || newest_up_ == 0) return {};
  const auto up = std::chrono::duration_cast<milliseconds>(now.time_since_epoch() - relation_->bound());
  return wall_at_zero_ + up.count();
}

// ---- ranges

// Moves events after `sequence` that are not applied yet to `actions`.
void Follower::apply_after(Message& message, Sequence sequence, Actions& actions) const {
  for (auto& event : message.events) event.epoch = message.epoch;
  const bool may_be_ahead = message.epoch == heard_.epoch && !ahead_.empty();
  std::erase_if(message.events, [&](const Invalidation& event) {
    return event.sequence <= sequence || (may_be_ahead && is_applied_ahead(event.sequence));
  });
  if (actions.apply.empty()) {
    actions.apply = std::move(message.events);
  } else {
    actions.apply.insert(actions.apply.end(), std::move_iterator(message.events.begin()),
                         std::move_iterator(message.events.end()));
  }
}

bool Follower::is_applied_ahead(Sequence sequence) const {
  const auto after = std::upper_bound(ahead_.begin(), ahead_.end(), sequence,
                                      [](Sequence s, const Range& range) { return s < range.first; });
  return after != ahead_.begin() && sequence <= std::prev(after)->last;
}

void Follower::remember_ahead(Sequence first, Sequence last) {
  // Merge the ranges that overlap or touch the new one.
  const auto from = std::lower_bound(ahead_.begin(), ahead_.end(), first,
                                     [](const Range& range, Sequence s) { return range.last + 1 < s; });
  auto to = from;
  while (to != ahead_.end() && to->first <= last + 1) {
    first = std::min(first, to->first);
    last = std::max(last, to->last);
    ++to;
  }
  if (from != to) {
    *from = {first, last};
    ahead_.erase(from + 1, to);
  } else if (ahead_.size() < max_ahead_ranges) {
    ahead_.insert(from, {first, last});
  }
}

void Follower::absorb_ahead() {
  if (position_->epoch != heard_.epoch) return;
  auto range = ahead_.begin();
  for (; range != ahead_.end() && range->first <= position_->sequence + 1; ++range) {
    position_->sequence = std::max(position_->sequence, range->last);
  }
  ahead_.erase(ahead_.begin(), range);
}

void Follower::start_afresh(Position position, std::string journal, Monotonic now, Actions& actions) {
  actions.flush = position;
  actions.apply.clear();
  actions.doubt.clear();
  position_ = position;
  journal_ = std::move(journal);
  ahead_.clear();
  evidence_.reset();
  next_evidence_ = {};
  if (heard_ < position) {
    heard_ = position;
    heard_at_ = now;
  }
  if (unanswered_ != 0) afresh_since_asked_ = true;
}

// The engine was asked long after it should have reached that position.
bool Follower::engine_never_reached_heard(Monotonic asked) const {
  return heard_at_ + options_.repair_timeout <= asked;
}

// Responses do not name their request, so each counts from the first open request: a response that lay in the
// socket of a stopped process must not pass for the response to a new request.
Monotonic Follower::take_answer() {
  --unanswered_;
  return asked_at_;
}

// Nothing that the engine had published at `as_of` is missing.
void Follower::confirm(Monotonic asked, Monotonic as_of, Monotonic now) {
  extend_lease(as_of);
  if (doubt_since_ && asked >= *doubt_since_) doubt_since_.reset();
  if (is_stale(now) && !doubt_since_) doubt(now);
}

void Follower::ask_if_wanted(Monotonic now, Actions& actions) {
  const bool drifts = relation_ && now - relation_->asked > relate_every;
  const bool wanted = misses_something() || doubt_since_ || drifts ||
                      (wonders_since_ && now >= wonder_not_before_) || now >= lease_end_ - options_.lease / 3;
  const auto earliest = unanswered_ == 0 ? not_before_ : last_asked_ + options_.repair_timeout;
  if (!wanted || now < earliest) return;
  if (unanswered_ == 0) {
    asked_at_ = now;
    asked_after_ = *position_;
    afresh_since_asked_ = false;
  }
  ++unanswered_;
  last_asked_ = now;
  actions.request_after = position_;
}

}  // namespace revoked::cache
