#include "engine/log/segment_scan.hpp"

#include <algorithm>

#include "engine/log/packed_blocks.hpp"

namespace revoked::engine {
namespace {

bool is_zero(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char c) { return c == 0; });
}

std::string_view sector_at(std::string_view bytes, std::uint64_t at) {
  return bytes.substr(at, sector_bytes);
}

bool has_zero_sector(std::string_view bytes) {
  for (std::uint64_t at = 0; at < bytes.size(); at += sector_bytes) {
    if (is_zero(sector_at(bytes, at))) return true;
  }
  return false;
}

// Whether a block with a later number begins in it.
bool has_block_from(std::string_view bytes, std::uint64_t number) {
  for (std::uint64_t at = 0; at < bytes.size(); at += sector_bytes) {
    BlockHead head;
    if (read_block_head(bytes.substr(at), head) && head.number >= number) return true;
  }
  return false;
}

// Classifies what follows the last good block.
SegmentEnd end_of(std::string_view rest, const BlockPlace& next) {
  if (is_zero(rest)) return SegmentEnd::open;
  BlockHead head;
  // Sectors reach the disk in any order, the head perhaps last.
  if (is_zero(sector_at(rest, 0)))
    return has_block_from(rest, next.number + 1) ? SegmentEnd::damaged : SegmentEnd::torn;
  if (!read_block_head(rest, head) || head.number != next.number || head.before != next.before)
    return SegmentEnd::damaged;
  const auto size = block_size(head.payload_bytes);
  if (size > rest.size() || !is_zero(rest.substr(size))) return SegmentEnd::damaged;
  return has_zero_sector(rest.substr(0, size)) ? SegmentEnd::torn : SegmentEnd::damaged;
}

}  // namespace

SegmentScan scan_segment(std::string_view bytes, BlockPlace next, const BlockVisitor& visit) {
  std::uint64_t at = 0;
  UnpackedBlocks unpacked;
  bool is_packed = false;  // whether any block is
  const auto visit_next = [&](const BlockHead& head, std::string_view payload) {
    next = {head.number + 1, head.first + head.events, head.sum};
    return visit(head, payload, at);
  };
  while (at < bytes.size()) {
    const auto rest = bytes.substr(at);
    BlockHead head;
    if (!read_block_head(rest, head)) break;
    if (!next.is_begun_by(head) || !is_block_whole(rest, head)) break;
    const auto before = next;
    const auto payload = rest.substr(block_head_bytes, head.payload_bytes);
    const auto behind = at + block_size(head.payload_bytes);
    bool is_good = true;
    if (head.kind == BlockKind::packed) {
      is_packed = true;
      is_good = unpacked.unpack(head, payload);
      while (is_good && !unpacked.empty()) {
        const auto inner = unpacked.next(head);
        is_good = visit_next(head, inner);
      }
    } else {
      is_good = visit_next(head, payload);
    }
    if (!is_good) return {SegmentEnd::damaged, at, before};
    at = behind;
    if (head.kind == BlockKind::closes) return {SegmentEnd::closed, at, next};
  }
  // A packed segment was closed.
  const bool may_be_open = bytes.size() % sector_bytes == 0 && !is_packed;
  return {may_be_open ? end_of(bytes.substr(at), next) : SegmentEnd::damaged, at, next};
}

}  // namespace revoked::engine
