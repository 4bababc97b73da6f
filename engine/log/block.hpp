#pragma once
// The blocks of segment files (docs/log-format.md). Each begins at a multiple of 512 bytes, the unit that
// disks write atomically. Integers are little endian.
//
//   u32 magic         0x426b7672: "rvkB"
//   u8  kind          BlockKind
//   u8  codec         of the payload: 0 none, 1 zstd (RFC 8878)
//   u16 head_bytes    80
//   u64 number        of the block in the log, from 1, gapless
//   u64 first         the first sequence in it, or the next one
//   u32 payload_bytes as stored
//   u32 raw_bytes     of the payload, unpacked
//   u32 events        number of events in it
//   u32 reserved      0
//   u8  before[16]    the sum of the previous block, across segments; zero for the first
//   u8  sum[16]       XXH3-128 of the head up to here and the payload's own XXH3-128 (xxhash.com)
//   u64 head_sum      XXH3-64 of the head up to here
//   payload, padded with 0xa5 to a multiple of 512
//
// A block's sum covers the block, and `before` everything before it: a block that is missing, replaced, of
// another log or out of order is detected at the next block. A payload has no 512 zeros in a row, and the
// padding is not zero: a sector of zeros within a block was never written, or was erased. (Except for packed
// blocks, packed_blocks.hpp, which are synced before they become part of the log.)

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"

namespace revoked::engine {

inline constexpr std::size_t sector_bytes = 512;

enum class BlockKind : std::uint8_t {
  opens = 1,   // the first of a segment; the payload is a LocalLog::Opening
  batch = 2,   // events (event.hpp)
  closes = 3,  // the last of a segment: the log continues in the next
  packed = 4,  // replaces consecutive batches (packed_blocks.hpp)
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

// The size of a block with that payload.
constexpr std::uint64_t block_size(std::uint64_t payload_bytes) {
  return (block_head_bytes + payload_bytes + sector_bytes - 1) / sector_bytes * sector_bytes;
}

// The sum of a block with that payload and that head, whose own sum is ignored.
BlockSum sum_of_block(const BlockHead& head, std::string_view payload);

// Writes the block, block_size() bytes, to `out`, and sets the sum in `head`.
void write_block(char* out, BlockHead& head, std::string_view payload);

// False: not a valid head.
bool read_block_head(std::string_view bytes, BlockHead& head);
// Whether the sum is correct; `bytes` begins with the head.
bool is_block_whole(std::string_view bytes, const BlockHead& head);

}  // namespace revoked::engine
