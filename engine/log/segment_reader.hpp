#pragma once
// Reads a segment's blocks one by one, from any position, in pieces that grow with the amount read. Packed
// blocks are returned unpacked.

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/log/block.hpp"
#include "engine/log/packed_blocks.hpp"
#include "engine/model/position.hpp"

namespace revoked::engine {

// Not thread-safe. Errors are the system's, or errc::storage_corrupt if there is no valid block.
class SegmentReader {
 public:
  // In pieces of at most this size, unless a block is larger.
  explicit SegmentReader(std::uint64_t most_ahead_bytes = 1 << 20) : most_ahead_bytes_(most_ahead_bytes) {}
  ~SegmentReader();
  SegmentReader(const SegmentReader&) = delete;
  SegmentReader& operator=(const SegmentReader&) = delete;

  // Replaces the file that was open. Starts at its beginning.
  result<void> open(const std::string& path);
  // The range of a search: blocks from the beginning of the file to `end`, with sequences from `first` to
  // before `behind`.
  struct Within {
    std::uint64_t end;
    Sequence first;
    Sequence behind;
  };
  // To the block with that sequence, or an earlier one. Blocks are found by their heads, at multiples of a
  // sector: a segment needs no index.
  result<void> seek(Sequence sequence, Within within);
  void set_position(std::uint64_t position);
  // Of the next block, or of the packed one that contains it.
  std::uint64_t position() const { return unpacked_.empty() ? position_ : unpacked_at_; }
  std::uint64_t size() const { return size_; }  // of the file

  // The next block, verified. Its payload is valid until the next call.
  result<std::string_view> next(BlockHead& head);
  // The next block as stored, packed or not, from its head to its padding. Not between blocks that next() has
  // unpacked.
  result<std::string_view> next_block(BlockHead& head);

 private:
  result<std::string_view> bytes_at(std::uint64_t at, std::uint64_t count);
  result<void> walk(Sequence sequence, std::uint64_t end);
  result<std::uint64_t> head_from(std::uint64_t at, std::uint64_t end, BlockHead& head);
  void close();

  const std::uint64_t most_ahead_bytes_;
  int file_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t position_ = 0;  // of the next block in the file
  UnpackedBlocks unpacked_;     // the blocks of the last one, if it was packed
  std::uint64_t unpacked_at_ = 0;
  std::string buffer_;
  std::uint64_t buffer_at_ = 0;
  std::uint64_t ahead_bytes_ = 0;
};

}  // namespace revoked::engine
