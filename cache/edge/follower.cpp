#include "cache/edge/follower.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace revoked::cache {

namespace {

// Sums of a sequence and 1 must not overflow.
constexpr Sequence max_sequence = std::numeric_limits<std::int64_t>::max() - 1;
constexpr unsigned max_short_pages_in_a_row = 100;
constexpr Sequence short_page = 100;  // moves us by fewer entries
constexpr unsigned max_gaps_in_a_row = 5;

bool is_sound(const Message& message) {
  return message.epoch != 0 && message.first != 0 && message.last <= max_sequence &&
         message.first <= message.last + 1;
}

bool has_unknown_event(const Message& message) {
  return std::any_of(message.events.begin(), message.events.end(),
                     [](const Invalidation& event) { return event.type == Invalidation::Type::unknown; });
}

}  // namespace

Follower::Follower(Options options)
    : options_(options),
      lease_(options.lease),
      requests_(options.repair_timeout),
      lag_(options.repair_timeout) {}

// ---- messages

Follower::Actions Follower::on_message(Message message, Source source, Monotonic now) {
  Actions actions;
  if (!is_sound(message)) return actions;
  if (message.up && *message.up > EngineClock::max_up) message.up.reset();
  detect_pause(now);
  const auto position = progress_.position();
  const bool is_ours = message.journal == engine_journal_ && message.epoch == engine_epoch_;
  if (source != Source::engine && !is_ours) {
    // Before the engine's position is known there is nothing to compare with.
    if (!position) return actions;
    ++foreign_messages_;
    probe_.want(now);
  } else if (source == Source::bus) {
    receive_unsigned(message, now, actions);
  } else if (!position) {
    begin(message.journal, {message.epoch, message.last}, now, actions);
  } else if (message.epoch >= progress_.published().epoch && !is_outdated({message.epoch, message.last})) {
    if (message.epoch != engine_epoch_) set_engine_journal(message.journal, message.epoch, now);
    if (message.epoch != position->epoch || message.journal == progress_.journal()) {
      receive(message, now, actions);
    } else {
      lease_.require_page(now);  // the engine contradicts itself
    }
  }
  request_if_due(now, actions);
  return actions;
}

Follower::Actions Follower::on_unreadable(Source source, Monotonic now) {
  Actions actions;
  detect_pause(now);
  if (!progress_.position()) return actions;
  if (source == Source::bus) {
    probe_.want(now);
  } else {
    lease_.require_page(now);
  }
  request_if_due(now, actions);
  return actions;
}

void Follower::receive_unsigned(Message& message, Monotonic now, Actions& actions) {
  const auto position = *progress_.position();
  for (auto& event : message.events) {
    event.epoch = message.epoch;
    if (Position{message.epoch, event.sequence} <= position) continue;  // already received from the engine
    if (event.type != Invalidation::Type::unknown) actions.recheck.push_back(std::move(event));
  }
  if (!fed_ && Position{message.epoch, message.last} > position) probe_.want(now);
}

// Of the newest known epoch, or of a newer one.
void Follower::receive(Message& message, Monotonic now, Actions& actions) {
  const Position last{message.epoch, message.last};
  const bool is_of_new_epoch = message.epoch > progress_.published().epoch;
  const bool is_newest = message.up && clock_.note(message.clock, *message.up, message.at);
  progress_.note_published(last, now);
  if (options_.has_several_engines && last == progress_.published()) note_reached(message, now);
  const Position reached = *progress_.position();
  const bool same_epoch = message.epoch == reached.epoch;
  if (same_epoch && message.last <= reached.sequence)
    return receive_old(message, is_newest || is_of_new_epoch, now);

  const Sequence missing = message.first > reached.sequence ? message.first - 1 - reached.sequence : 0;
  if (has_unknown_event(message) || missing > options_.max_repair) {
    restart_at(last, message.journal, now, actions);
  } else if (same_epoch && missing == 0) {
    progress_.apply(message, now, actions.apply);
  } else {
    // An entry before the message is missing, or may be.
    if (!message.is_heartbeat()) progress_.apply_ahead(message, actions.apply);
    return;
  }
  extend_lease(message, now);
}

// A message that ends at our position, or before it: a heartbeat shows that the engine is there.
void Follower::receive_old(const Message& message, bool is_newest, Monotonic now) {
  if (!message.is_heartbeat()) return;
  if (message.last == progress_.position()->sequence) {
    extend_lease(message, now);
  } else if (!is_newest) {
    return;
  } else if (!options_.has_several_engines) {
    lease_.require_page(now);  // the engine claims a position behind ours
  } else if (const auto as_of = lag_.on_behind({message.epoch, message.last}, progress_.published(), now)) {
    extend_lease(message, now, *as_of);
  }
}

// By what it proves, but not beyond `limit`.
void Follower::extend_lease(const Message& message, Monotonic now, Monotonic limit) {
  if (!trusts_cache() || lease_.requires_page()) return;
  if (const auto sent = sent_at(message, now)) lease_.extend(std::min(*sent, limit));
}

// Lower bound of the time when the engine sent it.
std::optional<Monotonic> Follower::sent_at(const Message& message, Monotonic now) {
  if (!message.up || message.epoch != engine_epoch_) return {};
  const auto sent = clock_.time_at(message.clock, *message.up, now);
  if (!sent) return {};
  if (*sent <= now + EngineClock::max_skew) return std::min(*sent, now);
  probe_.want(now);  // the relation of the clocks no longer holds
  return {};
}

Follower::Actions Follower::on_decision(Position as_of, std::string_view journal, Monotonic now) {
  Actions actions;
  const auto position = progress_.position();
  if (!position) return actions;
  actions.is_engine_behind = is_outdated(as_of);
  if (journal != engine_journal_) {
    probe_.want(now);
    request_if_due(now, actions);
  } else if (as_of.sequence <= max_sequence) {
    expected_.note(as_of, *position, now);
  }
  return actions;
}

// ---- pages

Follower::Actions Follower::on_page(Page page, Monotonic now) {
  Actions actions;
  detect_pause(now);
  page.published = std::max(page.published, page.position);
  if (page.position.epoch == 0 || page.published.sequence > max_sequence) return on_page_failed(now);
  if (!progress_.position()) {
    begin(page.journal, page.published, now, actions);
    request_if_due(now, actions);
    return actions;
  }
  if (!requests_.any()) return actions;
  const auto request = requests_.take();
  if (request.is_obsolete || predates_engine_epoch(page, request.at) ||
      is_held_against(page, request.at, now, actions)) {
    request_if_due(now, actions);
    return actions;
  }
  const auto before = *progress_.position();
  const auto result = apply_page(page, request, now, actions);
  const bool moved = *progress_.position() != before;
  if (result == PageResult::gap) {
    requests_.back_off(now);
  } else if (page.more) {
    continue_reading(page, request.at, before, now);
  } else {
    short_pages_in_a_row_ = 0;
    finish_reading(page, request.at, moved, now, actions);
  }
  if (!page.more) probe_.on_answer(request.at, moved, now);
  request_if_due(now, actions);
  return actions;
}

// Leaves the follower where the page ends, or restarts it at the engine's position: then no more is to be
// read.
Follower::PageResult Follower::apply_page(Page& page, const PageRequests::Request& request, Monotonic now,
                                          Actions& actions) {
  const bool is_other_history = set_engine_journal(page.journal, page.published.epoch, now);
  if (page.up) clock_.relate(request.at, page.clock, *page.up, page.at, now);
  const auto before = *progress_.position();
  auto result = PageResult::restart;
  // If the page ends before the position it was requested after, the engine has lost it: it had known it.
  if (!is_other_history && page.position >= request.after) result = apply_messages(page, now, actions);
  // A permanent gap: its content is unknown, so requesting it again is useless.
  gaps_in_a_row_ = result == PageResult::gap && *progress_.position() == before ? gaps_in_a_row_ + 1 : 0;
  if (gaps_in_a_row_ > max_gaps_in_a_row) result = PageResult::restart;
  if (result != PageResult::restart) return result;
  gaps_in_a_row_ = 0;
  restart_at(page.published, page.journal, now, actions);
  page.more = false;
  return result;
}

// Applies the page's messages as far as they continue at our position.
Follower::PageResult Follower::apply_messages(Page& page, Monotonic now, Actions& actions) {
  for (auto& message : page.messages) {
    const Position reached = *progress_.position();
    if (!is_sound(message)) return PageResult::gap;
    if (message.epoch == reached.epoch && message.journal != progress_.journal()) return PageResult::restart;
    if (message.is_heartbeat() || message.epoch < reached.epoch) continue;
    if (message.epoch == reached.epoch && message.last <= reached.sequence) continue;
    if (message.first > reached.sequence + 1) return PageResult::gap;
    // The new epoch begins at or before our position: the engine has lost entries that it had published.
    if (message.epoch > reached.epoch && message.first <= reached.sequence) return PageResult::restart;
    if (has_unknown_event(message)) return PageResult::restart;
    progress_.apply(message, now, actions.apply);
  }
  const Position reached = *progress_.position();
  if (page.position > reached) {
    progress_.note_published(page.position, now);
    return PageResult::gap;
  }
  if (reached.epoch == engine_epoch_ && progress_.journal() != engine_journal_) return PageResult::restart;
  if (page.published <= reached) return PageResult::applied;
  progress_.note_published(page.published, now);
  const bool is_too_far = page.published.sequence > reached.sequence + options_.max_repair;
  return is_too_far ? PageResult::restart : PageResult::applied;
}

// Called for a page that ends before the engine's position. It is complete up to its last message. Requests
// are paced if the engine keeps returning short pages.
void Follower::continue_reading(const Page& page, Monotonic requested, Position before, Monotonic now) {
  const Position reached = *progress_.position();
  const bool is_short = reached.sequence < before.sequence + short_page;
  short_pages_in_a_row_ = is_short ? short_pages_in_a_row_ + 1 : 0;
  const bool moved = reached != before;
  if (!moved || short_pages_in_a_row_ > max_short_pages_in_a_row) requests_.back_off(now);
  if (!moved || page.messages.back().last != reached.sequence) return;
  if (const auto sent = sent_at(page.messages.back(), now)) lease_.confirm(requested, *sent, now);
}

// Called for a page that ends at the engine's position.
void Follower::finish_reading(const Page& page, Monotonic requested, bool moved, Monotonic now,
                              Actions& actions) {
  if (options_.has_several_engines && !trusts_cache()) {
    lag_.on_behind(page.published, progress_.published(), now);
    actions.is_engine_behind = lag_.is_lasting(requested);
  }
  if (!trusts_cache() && should_have_been_reached(requested)) {
    const Position reached = *progress_.position();
    progress_.retract_published(reached);
    restart_at(reached, progress_.journal(), now, actions);
  }
  if (trusts_cache()) {
    lag_.on_reached();
    lease_.confirm(requested, requested, now);
  } else if (!moved) {
    requests_.back_off(now);
  }
}

Follower::Actions Follower::on_page_gone(Page engine_now, Monotonic now) {
  Actions actions;
  detect_pause(now);
  const auto position = engine_now.position;
  if (position.epoch == 0 || position.sequence > max_sequence) return on_page_failed(now);
  if (!progress_.position()) {
    begin(engine_now.journal, position, now, actions);
  } else if (!requests_.any()) {
    lease_.require_page(now);  // the engine must confirm it for our current position
  } else {
    const auto request = requests_.take();
    engine_now.published = std::max(engine_now.published, position);
    if (!request.is_obsolete && !predates_engine_epoch(engine_now, request.at) &&
        !is_held_against(engine_now, request.at, now, actions)) {
      set_engine_journal(engine_now.journal, position.epoch, now);
      if (engine_now.up) clock_.relate(request.at, engine_now.clock, *engine_now.up, engine_now.at, now);
      if (should_have_been_reached(request.at)) progress_.retract_published(position);
      restart_at(position, engine_now.journal, now, actions);
      if (trusts_cache()) lease_.confirm(request.at, request.at, now);
      probe_.on_answer(request.at, true, now);
      requests_.back_off(now);
    }
  }
  request_if_due(now, actions);
  return actions;
}

Follower::Actions Follower::on_page_failed(Monotonic now) {
  detect_pause(now);
  if (requests_.any()) requests_.take();
  requests_.back_off(now);
  return {};
}

// ---- time

Follower::Actions Follower::tick(Monotonic now) {
  Actions actions;
  detect_pause(now);
  const auto position = progress_.position();
  if (!position) return actions;
  if (const auto missing = expected_.take_overdue(*position, now)) progress_.note_published(*missing, now);
  request_if_due(now, actions);
  return actions;
}

// Messages that arrive after a pause in the calls may have been sent long ago.
void Follower::detect_pause(Monotonic now) {
  const bool paused = now - last_call_ > options_.max_pause;
  last_call_ = std::max(last_call_, now);
  if (!progress_.position()) return;
  if (paused || (is_stale(now) && !lease_.requires_page())) lease_.require_page(now);
}

void Follower::request_if_due(Monotonic now, Actions& actions) {
  const bool is_wanted = !trusts_cache() || lease_.requires_page() || lease_.is_ending(now) ||
                         clock_.is_relation_due(now) || probe_.is_due(now);
  if (!is_wanted || !requests_.may_add(now)) return;
  const Position position = *progress_.position();
  requests_.add(position, now);
  actions.request_after = position;
}

}  // namespace revoked::cache
