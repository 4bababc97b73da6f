#pragma once
// When the positions of one journal were reached. The newest notes are exact; older ones are merged, two by
// two, four by four and so on, so that memory grows with the logarithm of their number: of an old position
// only limits of the time are known, which lie apart by a part of its age.
//
// An exponential histogram: Datar et al., Maintaining Stream Statistics over Sliding Windows, 2002. One
// thread at a time.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <ranges>
#include <vector>

#include "engine/base/boot_clock.hpp"
#include "engine/model/position.hpp"

namespace revoked::cache {

class ReachedTimes {
 public:
  using Time = engine::BootClock::time_point;

  // That many of the newest notes are exact, and at most twice as many merged notes are of one size.
  explicit ReachedTimes(std::size_t exact) : max_(2 * exact) {}

  // Everything up to `sequence` was reached between these times. Without effect if it is already known.
  void note(engine::Sequence sequence, Time earliest, Time latest) {
    if (!levels_.empty() && sequence <= last_) return;
    last_ = sequence;
    add(0, {sequence, {earliest, latest}});
  }
  void clear() { levels_.clear(); }

  struct Span {
    Time earliest;
    Time latest;
  };
  // When this was reached. Empty: not yet, or before the first note.
  std::optional<Span> find(engine::Sequence sequence) const {
    bool is_after_first = false;
    for (const auto& level : std::views::reverse(levels_)) {
      if (level.empty()) continue;
      const auto found = std::ranges::lower_bound(level, sequence, {}, &Note::sequence);
      is_after_first = is_after_first || found != level.begin() || found->sequence == sequence;
      if (found == level.end()) continue;
      return is_after_first ? std::optional(found->span) : std::nullopt;
    }
    return {};
  }
  // Of the first note: everything before was reached before its latest time.
  std::optional<Span> first() const {
    for (const auto& level : std::views::reverse(levels_)) {
      if (!level.empty()) return level.front().span;
    }
    return {};
  }

 private:
  struct Note {
    engine::Sequence sequence;  // the last one that it covers; the first one follows the note before
    Span span;
  };
  using Level = std::vector<Note>;  // ascending

  void add(std::size_t number, Note note) {
    if (levels_.size() == number) levels_.emplace_back();
    auto& level = levels_[number];
    level.push_back(note);
    if (level.size() <= max_) return;
    // The older half, so that this is rare.
    const Level older(level.begin(), level.begin() + static_cast<std::ptrdiff_t>(max_ / 2));
    level.erase(level.begin(), level.begin() + static_cast<std::ptrdiff_t>(max_ / 2));
    for (std::size_t i = 0; i + 1 < older.size(); i += 2)
      add(number + 1, {older[i + 1].sequence, {older[i].span.earliest, older[i + 1].span.latest}});
  }

  const std::size_t max_;
  std::vector<Level> levels_;  // a note of a level covers as many as two of the level before
  engine::Sequence last_ = 0;
};

}  // namespace revoked::cache
