#pragma once
// Reads the blocks of one segment in order, and distinguishes the end of the log from damage.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "engine/log/block.hpp"

namespace revoked::engine {

// What the next block of a log must match.
struct BlockPlace {
  std::uint64_t number = 1;
  std::uint64_t first = 1;  // the next sequence
  BlockSum before{};

  bool is_begun_by(const BlockHead& head) const {
    return head.number == number && head.first == first && head.before == before;
  }
  friend bool operator==(const BlockPlace&, const BlockPlace&) = default;
};

enum class SegmentEnd {
  closed,   // the log continues in the next segment
  open,     // nothing was written after the last block
  torn,     // the last block was being written: never confirmed
  damaged,  // confirmed data may be missing
};

struct SegmentScan {
  SegmentEnd end;
  std::uint64_t position;  // after the last good block; of damage, where it is
  BlockPlace next;         // after the last good block
};

// `bytes` is the whole file. Visits each block: its head, its payload, and its offset, or that of the packed
// one that contains it; if the visitor returns false, the block counts as damaged.
using BlockVisitor = std::function<bool(const BlockHead&, std::string_view payload, std::uint64_t at)>;
SegmentScan scan_segment(std::string_view bytes, BlockPlace next, const BlockVisitor& visit);

}  // namespace revoked::engine
