#pragma once
// A set of sequences, kept as ranges: what was applied beyond a gap. One thread.

#include <vector>

#include "engine/model/position.hpp"

namespace revoked::cache {

class SequenceRanges {
 public:
  // A range that does not fit in is not kept: its events are then applied a second time, without effect.
  static constexpr std::size_t max_ranges = 1024;

  bool empty() const { return ranges_.empty(); }
  void clear() { ranges_.clear(); }
  bool contains(engine::Sequence sequence) const;
  void add(engine::Sequence first, engine::Sequence last);

  // Removes what continues at `reached`, or is before it; returns the last sequence without a gap.
  engine::Sequence absorb(engine::Sequence reached);

 private:
  struct Range {
    engine::Sequence first;
    engine::Sequence last;
  };
  std::vector<Range> ranges_;  // sorted, not adjacent
};

}  // namespace revoked::cache
