#pragma once
// How far the engine's journal has been applied to a near cache, and how far the engine is known to have
// published it. One thread.

#include <optional>
#include <string>
#include <vector>

#include "cache/bus/message.hpp"
#include "cache/edge/engine_clock.hpp"
#include "cache/edge/sequence_ranges.hpp"

namespace revoked::cache {

class JournalProgress {
 public:
  // All events up to here have been applied. Empty before the first restart.
  const std::optional<Position>& position() const { return position_; }
  // The journal id of its epoch.
  const std::string& journal() const { return journal_; }
  // The highest position known to be published.
  Position published() const { return published_; }

  // No event is known to be missing.
  bool is_complete() const { return position_ && published_ <= *position_; }

  // An empty cache misses nothing up to `position`.
  void restart_at(Position position, std::string journal, Monotonic now);

  void note_published(Position position, Monotonic now);
  // When published() last grew.
  Monotonic published_since() const { return published_since_; }
  // What was published beyond `position` was never durable.
  void retract_published(Position position) { published_ = position; }
  // What was published is of another history: its positions are not comparable.
  void forget_published();

  // Both move the events that are not applied yet to `events`. The first is for a message that continues at
  // the position, the other for one that leaves a gap, or may: its epoch is that of published().
  void apply(Message& message, Monotonic now, std::vector<Invalidation>& events);
  void apply_ahead(Message& message, std::vector<Invalidation>& events);

 private:
  void move_new_events(Message& message, Sequence after, std::vector<Invalidation>& events) const;

  std::optional<Position> position_;
  std::string journal_;
  Position published_;
  Monotonic published_since_{};
  SequenceRanges ahead_;  // applied in the epoch of published_, beyond position_
};

}  // namespace revoked::cache
