#pragma once
// Consecutive batches as one block of kind `packed`, without data that can be derived. Its head has the
// number, the first sequence and the `before` of the first of them, and the number of events of all; its
// payload is
//
//   u32 blocks        how many, at most 2048
//   u8  last[16]      the sum of the last one
//   a zstd frame that unpacks to raw_bytes:
//     for each: u32 events, u32 payload_bytes, payload
//
// Their heads are restored: numbers and sequences are consecutive, and `before` is the sum of the previous
// one. The sum of the last must equal `last`, so the chain of a log is the same with packed blocks as
// without.
//
// 32 KiB at a time: a revocation by a single DELETE takes 32 B instead of a sector, an imported key 54 B
// instead of 177, and reading one event takes 60 us instead of 22. 64 KiB: the same size and 80 us; 16 KiB:
// 3 B more. Levels of zstd above 1 take longer and save nothing, as the rest is mostly random.
// (`bench --benchmark_filter=^log`)

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/log/block.hpp"

namespace revoked::engine {

// A packed block ends before a batch that would make it larger.
inline constexpr std::size_t usual_unpacked_bytes = 32 << 10;
// Larger blocks are neither packed nor unpacked: a batch has at most 1 MiB plus one event.
inline constexpr std::size_t most_unpacked_bytes = 8 << 20;
inline constexpr std::size_t most_packed_blocks = 2048;

// Packs. Not thread-safe.
class BlockPacker {
 public:
  BlockPacker();
  ~BlockPacker();
  BlockPacker(const BlockPacker&) = delete;
  BlockPacker& operator=(const BlockPacker&) = delete;

  bool empty() const { return count_ == 0; }
  bool has_room(std::size_t payload_bytes) const;
  // The next block of the log, a batch; it fits, or is the first.
  void add(const BlockHead& head, std::string_view payload);
  // Appends what was added as one block, and starts over. False: it is too large, or zstd failed.
  bool flush(std::string& out);

 private:
  struct Context;
  bool pack(std::string& out);

  std::unique_ptr<Context> context_;
  std::string raw_;
  std::string payload_;
  std::uint32_t count_ = 0;
  BlockHead head_;  // of the packed block
  BlockSum last_{};
};

// Unpacks, and returns the blocks one by one. Not thread-safe.
class UnpackedBlocks {
 public:
  UnpackedBlocks();
  ~UnpackedBlocks();
  UnpackedBlocks(const UnpackedBlocks&) = delete;
  UnpackedBlocks& operator=(const UnpackedBlocks&) = delete;

  // Replaces the previous content; false: invalid, although the packed block itself is whole. No block of one
  // that does not end with the recorded sum is returned.
  bool unpack(const BlockHead& packed, std::string_view payload);
  void clear();
  bool empty() const { return next_ == blocks_.size(); }
  // Must not be empty. The payload is valid until the next unpack().
  std::string_view next(BlockHead& head);

 private:
  struct Context;
  struct Block {
    BlockHead head;
    std::size_t at;
  };
  bool inflate(std::uint32_t raw_bytes, std::string_view frame);
  bool chain(const BlockHead& packed, std::uint32_t count, const BlockSum& last);

  std::unique_ptr<Context> context_;
  std::string raw_;
  std::vector<Block> blocks_;
  std::size_t next_ = 0;
};

}  // namespace revoked::engine
