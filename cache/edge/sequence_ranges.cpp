#include "cache/edge/sequence_ranges.hpp"

#include <algorithm>
#include <iterator>

namespace revoked::cache {

using engine::Sequence;

bool SequenceRanges::contains(Sequence sequence) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), sequence,
                                      [](Sequence s, const Range& range) { return s < range.first; });
  return after != ranges_.begin() && sequence <= std::prev(after)->last;
}

void SequenceRanges::add(Sequence first, Sequence last) {
  // Merge the ranges that overlap or touch the new one.
  const auto from = std::lower_bound(ranges_.begin(), ranges_.end(), first,
                                     [](const Range& range, Sequence s) { return range.last + 1 < s; });
  auto to = from;
  while (to != ranges_.end() && to->first <= last + 1) {
    first = std::min(first, to->first);
    last = std::max(last, to->last);
    ++to;
  }
  if (from != to) {
    *from = {first, last};
    ranges_.erase(from + 1, to);
  } else if (ranges_.size() < max_ranges) {
    ranges_.insert(from, {first, last});
  }
}

Sequence SequenceRanges::absorb(Sequence reached) {
  auto range = ranges_.begin();
  for (; range != ranges_.end() && range->first <= reached + 1; ++range) {
    reached = std::max(reached, range->last);
  }
  ranges_.erase(ranges_.begin(), range);
  return reached;
}

}  // namespace revoked::cache
