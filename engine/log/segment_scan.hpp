#pragma once
// Reads the blocks of one segment in order, and tells where the log ends in it from what has been damaged.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "engine/log/block.hpp"

namespace revoked::engine {

// What the next block of a log has to be.
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
  closed,   // the log goes on in the next segment
  open,     // nothing was written behind the last block
  torn,     // one block was being written: it was never confirmed
  damaged,  // what was confirmed may be missing
};

struct SegmentScan {
  SegmentEnd end;
  std::uint64_t position;  // behind the last good block; of what is damaged, where
  BlockPlace next;         // behind the last good block
};

// `bytes` are the whole file. Visits each block: its head, its payload, and where it begins in the file, or
// the packed one that it lies in; false takes it for damaged.
using BlockVisitor = std::function<bool(const BlockHead&, std::string_view payload, std::uint64_t at)>;
SegmentScan scan_segment(std::string_view bytes, BlockPlace next, const BlockVisitor& visit);

}  // namespace revoked::engine
