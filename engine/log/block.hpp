#pragma once
// What segment files consist of (docs/log-format.md): blocks that follow each other, each at a multiple of
// 512 bytes, the unit that disks write whole or not at all. Integers are little endian.
//
//   u32 magic         0x426b7672: "rvkB"
//   u8  kind          BlockKind
//   u8  codec         of the payload: 0 as it is, 1 zstd (RFC 8878)
//   u16 head_bytes    80
//   u64 number        of the block in the log, from 1, without a gap
//   u64 first         the sequence that it begins with, or that comes next
//   u32 payload_bytes as they lie in the file
//   u32 raw_bytes     of the payload, unpacked
//   u32 events        how many there are in it
//   u32 reserved      0
//   u8  before[16]    the sum of the block before, across segments; zero for the first
//   u8  sum[16]       XXH3-128 of the head up to here and the payload's own XXH3-128 (xxhash.com)
//   u64 head_sum      XXH3-64 of the head up to here
//   payload, and bytes 0xa5 up to a multiple of 512
//
// A block's sum holds for itself, and `before` for everything before it: what is missing, replaced, of
// another log or in another order is seen at the next block. A payload has no 512 zeros in a row, and what
// fills is not zero: so a sector of zeros within a block was never written, or has been wiped. (But for
// packed ones, packed_blocks.hpp, which are synced before they have a place in the log.)

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"

namespace revoked::engine {

inline constexpr std::size_t sector_bytes = 512;

enum class BlockKind : std::uint8_t {
  opens = 1,   // the first of a segment; the payload is a SegmentOpening
  batch = 2,   // events (event.hpp)
  closes = 3,  // the last of a segment: the log goes on in the next
  packed = 4,  // stands for batches that follow each other (packed_blocks.hpp)
};
enum class Codec : std::uint8_t { none = 0, zstd = 1 };

using BlockSum = std::array<unsigned char, 16>;

struct BlockHead {
  BlockKind kind{};
  Codec codec{};
  std::uint64_t number = 0;
  std::uint64_t first = 0;
  std::uint32_t payload_bytes = 0;
  std::uint32_t raw_bytes = 0;
  std::uint32_t events = 0;
  BlockSum before{};
  BlockSum sum{};
};
inline constexpr std::size_t block_head_bytes = 80;

// So many bytes a block with that payload takes.
constexpr std::uint64_t block_size(std::uint64_t payload_bytes) {
  return (block_head_bytes + payload_bytes + sector_bytes - 1) / sector_bytes * sector_bytes;
}

// The sum of a block with that head, whose own sum does not matter, and that payload.
BlockSum sum_of_block(const BlockHead& head, std::string_view payload);

// Writes the block to `out`, block_size() bytes, and sets the sum in its head.
void write_block(char* out, BlockHead& head, std::string_view payload);

// Nothing: these bytes are no head.
bool read_block_head(std::string_view bytes, BlockHead& head);
// Whether the sum is right; `bytes` begins with the head.
bool is_block_whole(std::string_view bytes, const BlockHead& head);

}  // namespace revoked::engine
