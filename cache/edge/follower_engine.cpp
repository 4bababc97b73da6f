// What the follower holds of its engine: which journal and epoch it is in, and, if there are several engines,
// whether the one in use is behind.

#include <algorithm>
#include <utility>

#include "cache/edge/follower.hpp"

namespace revoked::cache {

// ---- the engine's journal, and ours

// Requested before the engine began its current epoch: the response may be of the previous epoch.
bool Follower::predates_engine_epoch(const Page& page, Monotonic requested) const {
  return page.journal != engine_journal_ && requested < engine_epoch_since_;
}

// What is known to be published was published so long before the request that the engine must have it, unless
// it was never durable.
bool Follower::should_have_been_reached(Monotonic requested) const {
  if (options_.has_several_engines) return lag_.is_over(requested);
  return progress_.published_since() + options_.repair_timeout <= requested;
}

// True if messages already received, and possibly applied, are of another history.
bool Follower::set_engine_journal(std::string_view journal, Epoch epoch, Monotonic now) {
  if (engine_journal_ == journal && engine_epoch_ == epoch) return false;
  engine_journal_ = journal;
  engine_epoch_ = epoch;
  engine_epoch_since_ = now;
  clock_.reset();
  lag_.on_reached();
  if (epoch > progress_.published().epoch) return false;
  progress_.forget_published();
  return true;
}

// Begins at the position that the engine names, and asks to confirm it.
void Follower::begin(const std::string& journal, Position position, Monotonic now, Actions& actions) {
  set_engine_journal(journal, position.epoch, now);
  restart_at(position, journal, now, actions);
  lease_.require_page(now);
}

void Follower::restart_at(Position position, std::string journal, Monotonic now, Actions& actions) {
  actions.apply.clear();
  actions.recheck.clear();
  progress_.restart_at(position, std::move(journal), now);
  // One of several engines may answer from before what has been applied ahead of the position.
  actions.flush = options_.has_several_engines ? std::max(position, progress_.published()) : position;
  expected_ = {};
  lag_.on_reached();
  requests_.make_obsolete();
}

// ---- one of several engines

Follower::Actions Follower::on_engine_changed(Monotonic now) {
  Actions actions;
  detect_pause(now);
  clock_.reset();
  requests_.make_obsolete();
  if (!progress_.position()) return actions;
  lease_.require_page(now);
  request_if_due(now, actions);
  return actions;
}

// The message has all that is known.
void Follower::note_reached(const Message& message, Monotonic now) {
  if (clock_.is(message.clock)) {
    lag_.on_reached();
  } else {
    lag_.on_reached_elsewhere(now);
  }
}

// Of several: whether the engine is in an older epoch than another has named, or behind our position in the
// same one, so that its page counts for nothing. What none has reached for long was never durable: then it is
// no longer known, and the page counts.
bool Follower::is_held_against(const Page& page, Monotonic requested, Monotonic now, Actions& actions) {
  const bool is_old = is_outdated(page.published);
  const bool is_behind = page.journal == progress_.journal() && page.published < *progress_.position();
  if (!options_.has_several_engines || !(is_old || is_behind)) return false;
  const auto as_of = lag_.on_behind(page.published, progress_.published(), now);
  if (lag_.is_over(requested)) {
    progress_.retract_published(page.published);
    return false;
  }
  if (page.up && !is_old) clock_.relate(requested, page.clock, *page.up, page.at, now);
  if (as_of && trusts_cache()) {
    lease_.confirm(requested, std::min(*as_of, requested), now);
  } else {
    requests_.back_off(now);
  }
  actions.is_engine_behind = is_old || lag_.is_lasting(requested);
  probe_.on_answer(requested, false, now);
  return true;
}

}  // namespace revoked::cache
