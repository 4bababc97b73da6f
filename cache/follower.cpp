#include "cache/follower.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace revoked::cache {
namespace {

// Sums of a sequence and 1 must not overflow.
constexpr Sequence max_sequence = std::numeric_limits<std::int64_t>::max() - 1;
constexpr UnixMs no_time = std::numeric_limits<UnixMs>::min();
constexpr std::size_t max_ahead_ranges = 1024;

// How long to wait before a question that brought nothing is put again.
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

std::optional<Position> Follower::position() const { return position_; }

Follower::Actions Follower::on_message(Message message, Monotonic now) {
  Actions actions;
  if (!is_sound(message)) return actions;
  notice(now);
  const Position last{message.epoch, message.last};
  if (!position_) {
    start_afresh(last, now, actions);
    hear(last, message.at, now);
    extend_lease(now);
    return actions;
  }
  if (message.epoch < heard_.epoch) return actions;
  receive(message, now, actions);
  ask_if_wanted(now, actions);
  return actions;
}

// A message of the newest epoch heard of, or of a newer one.
void Follower::receive(Message& message, Monotonic now, Actions& actions) {
  const Position last{message.epoch, message.last};
  const bool is_newest = message.epoch > heard_.epoch || message.at > newest_at_;
  hear(last, message.at, now);
  const Position reached = *position_;
  const bool same_epoch = message.epoch == reached.epoch;

  if (same_epoch && message.last <= reached.sequence) {
    if (!message.is_heartbeat() || !is_newest) return;
    if (message.last == reached.sequence) {
      if (trusts_cache() && !doubt_since_) extend_lease(now);
    } else {
      doubt(now);  // the engine says that it is behind us: one of the two is wrong
    }
    return;
  }

  const Sequence missing = message.first > reached.sequence ? message.first - 1 - reached.sequence : 0;
  if (has_unknown_event(message) || missing > options_.max_repair) {
    start_afresh(last, now, actions);
  } else if (same_epoch && missing == 0) {
    apply_after(message, reached.sequence, actions);
    position_ = last;
    absorb_ahead();
  } else {
    receive_ahead(message, actions);
    return;
  }
  if (trusts_cache() && !doubt_since_) extend_lease(now);
}

// Something before the message is missing, or may be.
void Follower::receive_ahead(Message& message, Actions& actions) {
  if (message.is_heartbeat()) return;
  apply_after(message, 0, actions);
  remember_ahead(message.first, message.last);
}

Follower::Actions Follower::on_page(Page page, Monotonic now) {
  Actions actions;
  notice(now);
  if (page.position.epoch == 0 || page.position.sequence > max_sequence) return on_page_failed(now);
  if (!position_) {
    start_afresh(page.position, now, actions);
    doubt(now);
    ask_if_wanted(now, actions);
    return actions;
  }
  if (unanswered_ == 0) return actions;
  const auto asked = take_answer();
  const auto before = *position_;
  const auto fit = read_page(page, now, actions);
  if (fit == PageFit::ran_ahead) start_afresh(page.position, now, actions);
  const bool moved = *position_ != before;
  if (fit == PageFit::hole || (page.more && !moved)) {
    not_before_ = now + retry_pause(options_);
  } else if (!page.more) {
    end_page(asked, moved, now, actions);
  }
  ask_if_wanted(now, actions);
  return actions;
}

// Follows the page's messages as far as they continue where we are.
Follower::PageFit Follower::read_page(Page& page, Monotonic now, Actions& actions) {
  for (auto& message : page.messages) {
    const Position reached = *position_;
    if (!is_sound(message)) return PageFit::hole;
    if (message.is_heartbeat() || message.epoch < reached.epoch) continue;
    if (message.epoch == reached.epoch && message.last <= reached.sequence) continue;
    if (message.first > reached.sequence + 1) return PageFit::hole;
    // The new epoch begins at or before our position: the engine has lost what we had been told.
    if (message.epoch > reached.epoch && message.first <= reached.sequence) return PageFit::ran_ahead;
    if (has_unknown_event(message)) return PageFit::ran_ahead;
    apply_after(message, reached.sequence, actions);
    position_ = {message.epoch, message.last};
    hear(*position_, message.at, now);
    absorb_ahead();
  }
  if (page.position > *position_) {
    hear(page.position, no_time, now);
    return PageFit::hole;
  }
  return PageFit::whole;
}

// A page that ends where the engine was when it answered.
void Follower::end_page(Monotonic asked, bool moved, Monotonic now, Actions& actions) {
  if (misses_something() && engine_never_reached_heard(asked)) {
    forget_heard(*position_);
    start_afresh(*position_, now, actions);
  }
  if (misses_something()) {
    if (!moved) not_before_ = now + retry_pause(options_);
    return;
  }
  confirm(asked, now);
}

Follower::Actions Follower::on_page_gone(Position engine_now, Monotonic now) {
  Actions actions;
  notice(now);
  if (engine_now.epoch == 0 || engine_now.sequence > max_sequence) return on_page_failed(now);
  if (!position_) {
    start_afresh(engine_now, now, actions);
    doubt(now);
  } else if (unanswered_ == 0) {
    doubt(now);  // have the engine confirm it for where we are now
  } else {
    const bool about_here = !afresh_since_asked_;
    const auto asked = take_answer();
    if (about_here) {
      if (engine_never_reached_heard(asked)) forget_heard(engine_now);
      start_afresh(engine_now, now, actions);
      if (trusts_cache()) confirm(asked, now);
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
  if (position_) ask_if_wanted(now, actions);
  return actions;
}

// Whether time has passed in which nothing was heard: what comes in next may have been sent long ago.
void Follower::notice(Monotonic now) {
  const bool paused = now - last_call_ > options_.max_pause;
  last_call_ = std::max(last_call_, now);
  if (!position_) return;
  if (paused || (is_stale(now) && !doubt_since_)) doubt(now);
}

void Follower::hear(Position position, UnixMs at, Monotonic now) {
  if (position.epoch > heard_.epoch) {
    newest_at_ = no_time;
    ahead_.clear();
  }
  if (position.epoch >= heard_.epoch) newest_at_ = std::max(newest_at_, at);
  if (position <= heard_) return;
  heard_ = position;
  heard_at_ = now;
}

// What was heard beyond `position` never came to be.
void Follower::forget_heard(Position position) {
  if (heard_.epoch != position.epoch) newest_at_ = no_time;
  heard_ = position;
}

void Follower::extend_lease(Monotonic from) { lease_end_ = std::max(lease_end_, from + options_.lease); }

// Hands on the events after `sequence` that have not been applied yet.
void Follower::apply_after(Message& message, Sequence sequence, Actions& actions) const {
  const bool in_ahead_epoch = message.epoch == heard_.epoch;
  for (auto& event : message.events) {
    if (event.sequence <= sequence || (in_ahead_epoch && is_applied_ahead(event.sequence))) continue;
    event.epoch = message.epoch;
    actions.apply.push_back(std::move(event));
  }
}

bool Follower::is_applied_ahead(Sequence sequence) const {
  const auto after = std::upper_bound(ahead_.begin(), ahead_.end(), sequence,
                                      [](Sequence s, const Range& range) { return s < range.first; });
  return after != ahead_.begin() && sequence <= std::prev(after)->last;
}

void Follower::remember_ahead(Sequence first, Sequence last) {
  // The ranges that overlap or touch the new one become one with it.
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

void Follower::start_afresh(Position position, Monotonic now, Actions& actions) {
  actions.flush = position;
  actions.apply.clear();
  position_ = position;
  ahead_.clear();
  if (heard_ < position) {
    if (heard_.epoch != position.epoch) newest_at_ = no_time;
    heard_ = position;
    heard_at_ = now;
  }
  if (unanswered_ != 0) afresh_since_asked_ = true;
}

// The engine answered a question put long after it should have been there.
bool Follower::engine_never_reached_heard(Monotonic asked) const {
  return heard_at_ + options_.repair_timeout <= asked;
}

// Answers do not say which request they belong to, so each counts from the first of those that were open
// together: one that lay in a stopped process's inbox must not pass for the answer to a new question.
Monotonic Follower::take_answer() {
  --unanswered_;
  return asked_at_;
}

// Nothing that the engine had when it was asked is missing.
void Follower::confirm(Monotonic asked, Monotonic now) {
  extend_lease(asked);
  if (doubt_since_ && asked >= *doubt_since_) doubt_since_.reset();
  if (is_stale(now) && !doubt_since_) doubt(now);
}

void Follower::ask_if_wanted(Monotonic now, Actions& actions) {
  const bool wanted = misses_something() || doubt_since_ || now >= lease_end_ - options_.lease / 3;
  const auto earliest = unanswered_ == 0 ? not_before_ : last_asked_ + options_.repair_timeout;
  if (!wanted || now < earliest) return;
  if (unanswered_ == 0) {
    asked_at_ = now;
    afresh_since_asked_ = false;
  }
  ++unanswered_;
  last_asked_ = now;
  actions.request_after = position_;
}

}  // namespace revoked::cache
