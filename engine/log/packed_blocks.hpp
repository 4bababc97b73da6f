#pragma once
// Batches that follow each other, as one block of the kind `packed`: nothing of them is kept that follows
// from the rest. Its head has the number, the first sequence and the `before` of the first of them, and how
// many events all have; its payload is
//
//   u32 blocks        how many there are, at most 2048
//   u8  last[16]      the sum of the last of them
//   a frame of zstd, which unpacks to raw_bytes:
//     of each: u32 events, u32 payload_bytes, payload
//
// Their heads are made again: number and sequence go on, `before` is the sum of the one before. The sum of
// the last has to come out as `last`, so the chain of a log goes through what is packed as if it were not.
//
// 32 KiB at a time: a revocation by a DELETE alone takes 32 B instead of a sector, an imported key 54 B
// instead of 177, and to read one event takes 60 us instead of 22. With 64 KiB it is as many bytes and 80 us;
// with 16 KiB 3 B more. Levels of zstd above 1 take longer and save nothing: what is left is mostly random.
// (bench
// --benchmark_filter=^log)

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/log/block.hpp"

namespace revoked::engine {

// Where another batch would make it larger, a packed block ends.
inline constexpr std::size_t usual_unpacked_bytes = 32 << 10;
// What is larger is not packed, and not unpacked: a batch has 1 MiB and an event at most.
inline constexpr std::size_t most_unpacked_bytes = 8 << 20;
inline constexpr std::size_t most_packed_blocks = 2048;

// Packs. On one thread.
class BlockPacker {
 public:
  BlockPacker();
  ~BlockPacker();
  BlockPacker(const BlockPacker&) = delete;
  BlockPacker& operator=(const BlockPacker&) = delete;

  bool empty() const { return count_ == 0; }
  bool has_room(std::size_t payload_bytes) const;
  // The next block of the log, a batch; there is room for it, or none has been added yet.
  void add(const BlockHead& head, std::string_view payload);
  // Appends what was added as one block, and begins anew. False: it is too large, or zstd refused it.
  bool take(std::string& out);

 private:
  struct Context;
  bool pack(std::string& out);

  std::unique_ptr<Context> context_;
  std::string raw_;
  std::string payload_;
  std::uint32_t count_ = 0;
  BlockHead head_;  // of the packed one
  BlockSum last_{};
};

// Unpacks, and hands out the blocks one after the other. On one thread.
class UnpackedBlocks {
 public:
  UnpackedBlocks();
  ~UnpackedBlocks();
  UnpackedBlocks(const UnpackedBlocks&) = delete;
  UnpackedBlocks& operator=(const UnpackedBlocks&) = delete;

  // Instead of what was there before; false: it makes no sense. The packed block itself is whole. Nothing is
  // handed out of one that does not end at the sum that it names.
  bool unpack(const BlockHead& packed, std::string_view payload);
  void clear();
  bool empty() const { return next_ == blocks_.size(); }
  // Not if it is empty. The payload is good until the next is unpacked.
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
