// Packed blocks unpack to the original ones, and invalid ones are refused before they use resources.

#include "engine/log/packed_blocks.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <cstring>
#include <functional>
#include <vector>

namespace revoked::engine::packed_blocks_test {

struct Block {
  BlockHead head;
  std::string payload;
};

std::vector<Block> blocks_of(std::size_t count, std::size_t payload_bytes) {
  std::vector<Block> blocks;
  BlockHead next;
  next.kind = BlockKind::batch;
  next.number = 17;
  next.first = 1'000;
  next.before.fill(9);
  for (std::size_t i = 0; i < count; ++i) {
    auto head = next;
    head.events = static_cast<std::uint32_t>(i % 3);
    const std::string payload(payload_bytes + i % 5, static_cast<char>('a' + i % 26));
    head.raw_bytes = static_cast<std::uint32_t>(payload.size());
    std::string bytes(block_size(payload.size()), '\0');
    write_block(bytes.data(), head, payload);
    blocks.push_back({head, payload});
    next.number += 1;
    next.first += head.events;
    next.before = head.sum;
  }
  return blocks;
}

std::string packed(const std::vector<Block>& blocks) {
  BlockPacker packer;
  for (const auto& block : blocks) packer.add(block.head, block.payload);
  std::string bytes;
  EXPECT_TRUE(packer.flush(bytes));
  EXPECT_TRUE(packer.empty());
  return bytes;
}

// Whether it is unpacked after `change`; its own sum is correct.
bool is_unpacked(std::string bytes, const std::function<void(BlockHead&, std::string&)>& change = {}) {
  BlockHead head;
  EXPECT_TRUE(read_block_head(bytes, head) && is_block_whole(bytes, head));
  auto payload = bytes.substr(block_head_bytes, head.payload_bytes);
  if (change) change(head, payload);
  bytes.resize(block_size(payload.size()));
  write_block(bytes.data(), head, payload);
  EXPECT_TRUE(is_block_whole(bytes, head));
  UnpackedBlocks unpacked;
  const bool good = unpacked.unpack(head, payload);
  EXPECT_NE(good, unpacked.empty());
  return good;
}

constexpr std::size_t start_bytes = 4 + 16;

std::string unpacked_frame(std::string_view payload) {
  std::string raw(1 << 20, '\0');
  const auto frame = payload.substr(start_bytes);
  raw.resize(ZSTD_decompress(raw.data(), raw.size(), frame.data(), frame.size()));
  return raw;
}

void set_frame(BlockHead& head, std::string& payload, std::string_view raw) {
  std::string frame(ZSTD_compressBound(raw.size()), '\0');
  frame.resize(ZSTD_compress(frame.data(), frame.size(), raw.data(), raw.size(), 1));
  payload.replace(start_bytes, std::string::npos, frame);
  head.raw_bytes = static_cast<std::uint32_t>(raw.size());
}

TEST(PackedBlocks, ComeOutAsTheyWere) {
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{100}, most_packed_blocks}) {
    const auto blocks = blocks_of(count, 40);
    const auto bytes = packed(blocks);
    EXPECT_EQ(bytes.size() % sector_bytes, 0u);
    BlockHead head;
    ASSERT_TRUE(read_block_head(bytes, head) && is_block_whole(bytes, head));
    EXPECT_EQ(head.kind, BlockKind::packed);
    EXPECT_EQ(head.number, blocks.front().head.number);
    EXPECT_EQ(head.before, blocks.front().head.before);
    UnpackedBlocks unpacked;
    ASSERT_TRUE(unpacked.unpack(head, std::string_view(bytes).substr(block_head_bytes, head.payload_bytes)));
    std::uint64_t events = 0;
    for (const auto& block : blocks) {
      ASSERT_FALSE(unpacked.empty());
      BlockHead was;
      ASSERT_EQ(unpacked.next(was), block.payload);
      // The sum covers the whole head.
      EXPECT_EQ(was.sum, block.head.sum);
      EXPECT_EQ(was.sum, sum_of_block(was, block.payload));
      EXPECT_EQ(was.number, block.head.number);
      events += was.events;
    }
    EXPECT_TRUE(unpacked.empty());
    EXPECT_EQ(head.events, events);
  }
}

TEST(PackedBlocks, TakeAsManyAsTheyHaveRoomForAndAtLeastOne) {
  BlockPacker packer;
  EXPECT_FALSE(packer.has_room(usual_unpacked_bytes));
  const auto one = blocks_of(1, 3 << 20);
  packer.add(one[0].head, one[0].payload);
  EXPECT_FALSE(packer.has_room(0));
  std::string bytes;
  ASSERT_TRUE(packer.flush(bytes));
  EXPECT_TRUE(is_unpacked(bytes));
  EXPECT_TRUE(packer.has_room(0));
  for (const auto& block : blocks_of(most_packed_blocks, 0)) {
    EXPECT_TRUE(packer.has_room(0));
    packer.add(block.head, block.payload);
  }
  EXPECT_FALSE(packer.has_room(0));
  const auto large = blocks_of(1, most_unpacked_bytes);
  ASSERT_TRUE(packer.flush(bytes));
  packer.add(large[0].head, large[0].payload);
  EXPECT_FALSE(packer.flush(bytes));
}

TEST(PackedBlocks, NonsenseWithARightSumIsRefused) {
  const auto bytes = packed(blocks_of(50, 100));
  ASSERT_TRUE(is_unpacked(bytes));
  const auto refused = [&](const std::function<void(BlockHead&, std::string&)>& change) {
    return !is_unpacked(bytes, change);
  };
  const auto set_count = [](std::string& payload, std::uint32_t count) {
    std::memcpy(payload.data(), &count, sizeof count);
  };
  for (const std::uint32_t count : {0u, 1u, 49u, 51u, 2048u, 2049u, 0xffff'ffffu})
    EXPECT_TRUE(refused([&](BlockHead&, std::string& payload) { set_count(payload, count); })) << count;
  for (const std::uint32_t size : {0u, 1u, 5'000u, 8u << 20, 0xffff'ffffu})
    EXPECT_TRUE(refused([&](BlockHead& head, std::string&) { head.raw_bytes = size; })) << size;
  for (const std::size_t size : {0u, 3u, 20u, 21u, 40u})
    EXPECT_TRUE(refused([&](BlockHead&, std::string& payload) { payload.resize(size); })) << size;
  EXPECT_TRUE(refused([](BlockHead& head, std::string&) { head.codec = Codec::none; }));
  EXPECT_TRUE(refused([](BlockHead& head, std::string&) { ++head.events; }));
  EXPECT_TRUE(refused([](BlockHead& head, std::string&) { ++head.number; }));
  EXPECT_TRUE(refused([](BlockHead& head, std::string&) { ++head.first; }));
  EXPECT_TRUE(refused([](BlockHead& head, std::string&) { head.before[3] ^= 1; }));
  EXPECT_TRUE(refused([](BlockHead&, std::string& payload) { payload[7] ^= 1; }));  // the sum of the last
  EXPECT_TRUE(refused([](BlockHead&, std::string& payload) { payload += "more"; }));
}

// The content is valid but not the original: only the chain detects it.
TEST(PackedBlocks, OtherEventsUnderTheSameSumAreRefused) {
  const auto bytes = packed(blocks_of(50, 100));
  EXPECT_TRUE(is_unpacked(bytes, [](BlockHead& head, std::string& payload) {
    set_frame(head, payload, unpacked_frame(payload));
  }));
  for (const std::size_t at : {8u, 60u, 500u, 5'000u}) {
    EXPECT_FALSE(is_unpacked(bytes, [&](BlockHead& head, std::string& payload) {
      auto raw = unpacked_frame(payload);
      raw[at] ^= 1;
      set_frame(head, payload, raw);
    })) << at;
  }
  EXPECT_FALSE(is_unpacked(bytes, [](BlockHead& head, std::string& payload) {
    set_frame(head, payload, unpacked_frame(payload) + "tail");
  }));
}

// It declares a small size, but would unpack without end.
TEST(PackedBlocks, ABombIsNotUnpacked) {
  const auto bytes = packed(blocks_of(50, 100));
  for (const std::size_t size : {most_unpacked_bytes + 1, std::size_t{1} << 26}) {
    EXPECT_FALSE(is_unpacked(bytes, [&](BlockHead& head, std::string& payload) {
      const auto raw_bytes = head.raw_bytes;
      set_frame(head, payload, std::string(size, '\0'));
      EXPECT_LT(payload.size(), 1u << 20);
      if (size == 1 << 26) head.raw_bytes = raw_bytes;
    }));
  }
}

}  // namespace revoked::engine::packed_blocks_test
