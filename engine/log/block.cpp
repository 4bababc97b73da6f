#include "engine/log/block.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace revoked::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "blocks are little endian");

constexpr std::uint32_t block_magic = 0x426b7672;
constexpr char filling = '\xa5';
constexpr auto filled_sector = [] {
  std::array<char, sector_bytes> bytes{};
  bytes.fill(filling);
  return bytes;
}();

struct BlockLayout {
  std::uint32_t magic;
  std::uint8_t kind;
  std::uint8_t codec;
  std::uint16_t head_bytes;
  std::uint64_t number;
  std::uint64_t first;
  std::uint32_t payload_bytes;
  std::uint32_t raw_bytes;
  std::uint32_t events;
  std::uint32_t reserved;
  BlockSum before;
  BlockSum sum;
  std::uint64_t head_sum;
};
static_assert(sizeof(BlockLayout) == block_head_bytes);
constexpr std::size_t summed_bytes = offsetof(BlockLayout, sum);
constexpr std::size_t head_summed_bytes = offsetof(BlockLayout, head_sum);

// Of head and payload, without copying them together.
BlockSum sum_of(const char* head, std::string_view payload) {
  const auto of_payload = XXH3_128bits(payload.data(), payload.size());
  std::array<char, summed_bytes + sizeof of_payload> both;
  std::memcpy(both.data(), head, summed_bytes);
  std::memcpy(both.data() + summed_bytes, &of_payload, sizeof of_payload);
  const auto sum = XXH3_128bits(both.data(), both.size());
  BlockSum bytes;
  std::memcpy(bytes.data(), &sum, sizeof sum);
  return bytes;
}

// Without the sums.
BlockLayout layout_of(const BlockHead& head, std::string_view payload) {
  return {block_magic,
          static_cast<std::uint8_t>(head.kind),
          static_cast<std::uint8_t>(head.codec),
          block_head_bytes,
          head.number,
          head.first,
          static_cast<std::uint32_t>(payload.size()),
          head.raw_bytes,
          head.events,
          0,
          head.before,
          {},
          0};
}

}  // namespace

BlockSum sum_of_block(const BlockHead& head, std::string_view payload) {
  const auto layout = layout_of(head, payload);
  return sum_of(reinterpret_cast<const char*>(&layout), payload);
}

void write_block(char* out, BlockHead& head, std::string_view payload) {
  auto layout = layout_of(head, payload);
  head.payload_bytes = layout.payload_bytes;
  layout.sum = head.sum = sum_of(reinterpret_cast<const char*>(&layout), payload);
  layout.head_sum = XXH3_64bits(&layout, head_summed_bytes);
  std::memcpy(out, &layout, sizeof layout);
  std::copy_n(payload.data(), payload.size(), out + sizeof layout);
  const auto end = sizeof layout + payload.size();
  std::memset(out + end, filling, block_size(payload.size()) - end);
}

bool read_block_head(std::string_view bytes, BlockHead& head) {
  BlockLayout layout;
  if (bytes.size() < sizeof layout) return false;
  std::memcpy(&layout, bytes.data(), sizeof layout);
  if (layout.magic != block_magic || layout.head_bytes != block_head_bytes || layout.reserved != 0 ||
      layout.head_sum != XXH3_64bits(&layout, head_summed_bytes))
    return false;
  head = {static_cast<BlockKind>(layout.kind),
          static_cast<Codec>(layout.codec),
          layout.number,
          layout.first,
          layout.payload_bytes,
          layout.raw_bytes,
          layout.events,
          layout.before,
          layout.sum};
  return true;
}

bool is_block_whole(std::string_view bytes, const BlockHead& head) {
  if (bytes.size() < block_size(head.payload_bytes)) return false;
  const auto filled = bytes.substr(block_head_bytes + head.payload_bytes,
                                   block_size(head.payload_bytes) - block_head_bytes - head.payload_bytes);
  return sum_of(bytes.data(), bytes.substr(block_head_bytes, head.payload_bytes)) == head.sum &&
         filled == std::string_view(filled_sector.data(), filled.size());
}

}  // namespace revoked::engine
