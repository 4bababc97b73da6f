#include "cache/edge/journal_progress.hpp"

#include <iterator>
#include <utility>

namespace revoked::cache {

void JournalProgress::restart_at(Position position, std::string journal, Monotonic now) {
  position_ = position;
  journal_ = std::move(journal);
  ahead_.clear();
  if (published_ >= position) return;
  published_ = position;
  published_since_ = now;
}

void JournalProgress::note_published(Position position, Monotonic now) {
  if (position.epoch > published_.epoch) ahead_.clear();
  if (position <= published_) return;
  published_ = position;
  published_since_ = now;
}

void JournalProgress::forget_published() {
  published_ = {};
  ahead_.clear();
}

void JournalProgress::apply(Message& message, Monotonic now, std::vector<Invalidation>& events) {
  const Position last{message.epoch, message.last};
  note_published(last, now);
  move_new_events(message, position_->sequence, events);
  if (message.epoch != position_->epoch) journal_ = message.journal;
  position_ = last;
  if (!ahead_.empty() && last.epoch == published_.epoch) position_->sequence = ahead_.absorb(last.sequence);
}

void JournalProgress::apply_ahead(Message& message, std::vector<Invalidation>& events) {
  move_new_events(message, 0, events);
  ahead_.add(message.first, message.last);
}

void JournalProgress::move_new_events(Message& message, Sequence after,
                                      std::vector<Invalidation>& events) const {
  for (auto& event : message.events) event.epoch = message.epoch;
  const bool may_be_ahead = message.epoch == published_.epoch && !ahead_.empty();
  std::erase_if(message.events, [&](const Invalidation& event) {
    return event.sequence <= after || (may_be_ahead && ahead_.contains(event.sequence));
  });
  if (events.empty()) {
    events = std::move(message.events);
  } else {
    events.insert(events.end(), std::move_iterator(message.events.begin()),
                  std::move_iterator(message.events.end()));
  }
}

}  // namespace revoked::cache
