#pragma once
// Reads a segment's blocks one after the other, from any place, in pieces that grow with what is read.

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/log/block.hpp"
#include "engine/model/position.hpp"

namespace revoked::engine {

// On one thread. Failures are the system's, or errc::storage_corrupt where there should be a block.
class SegmentReader {
 public:
  SegmentReader() = default;
  ~SegmentReader();
  SegmentReader(const SegmentReader&) = delete;
  SegmentReader& operator=(const SegmentReader&) = delete;

  // Instead of what was open before. At the beginning of the file.
  result<void> open(const std::string& path);
  // To a block that begins before `end`, a little before the one with that sequence or at it. Blocks are
  // found by their heads, at multiples of a sector: a segment needs no index.
  result<void> seek(Sequence sequence, std::uint64_t end);
  void set_position(std::uint64_t position) { position_ = position; }
  std::uint64_t position() const { return position_; }  // of the next block
  std::uint64_t size() const { return size_; }          // of the file, when it was opened

  // The next block, whole. Its payload is good until the next call.
  result<std::string_view> next(BlockHead& head);
  // The same as it lies in the file, from its head to what fills it up.
  result<std::string_view> next_block(BlockHead& head);

 private:
  result<std::string_view> bytes_at(std::uint64_t at, std::uint64_t count);
  result<std::uint64_t> head_from(std::uint64_t at, std::uint64_t end, BlockHead& head);
  void close();

  int file_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t position_ = 0;
  std::string buffer_;
  std::uint64_t buffer_at_ = 0;
  std::uint64_t ahead_bytes_ = 0;
};

}  // namespace revoked::engine
