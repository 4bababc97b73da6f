// A caller who chooses ids and digests cannot choose collisions.

#include "engine/base/keyed_hash.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <set>

#include "engine/tables/key_table.hpp"

namespace revoked::engine::keyed_hash_test {

constexpr int count = 20'000;

// None of the parts that an index uses (shard, place, tag) is common. Inputs at even steps cluster a little,
// in some shards for some keys: each shard grows separately, and places in it differ.
void expect_spread(const std::function<std::uint64_t(int)>& hash_of) {
  std::set<std::uint64_t> hashes, homes;
  std::array<int, 1024> shards{};
  std::array<int, 256> tags{};
  for (int i = 0; i < count; ++i) {
    const auto hash = hash_of(i);
    hashes.insert(hash);
    homes.insert(hash >> 32);
    ++shards[hash % shards.size()];
    ++tags[hash >> 16 & 0xff];
  }
  EXPECT_EQ(hashes.size(), count);
  EXPECT_GT(homes.size(), count * 9 / 10);
  for (const auto shard : shards) EXPECT_LT(shard, count / 4);
  for (const auto tag : tags) EXPECT_LT(tag, count / 4);
}

Digest digest_with(std::size_t at, std::uint64_t value) {
  Digest digest{};
  std::memcpy(digest.data() + at, &value, sizeof value);
  return digest;
}

TEST(KeyedHash, SpreadsDigestsThatBeginAlike) {
  expect_spread([](int i) { return DigestHead(digest_with(8, static_cast<std::uint64_t>(i))).hash(); });
  expect_spread([](int i) { return DigestHead(digest_with(8, std::uint64_t(i) << 48)).hash(); });
}

TEST(KeyedHash, SpreadsDigestsThatDifferInAFewBits) {
  for (const int shift : {0, 12, 32, 48})
    expect_spread([&](int i) { return DigestHead(digest_with(0, std::uint64_t(i) << shift)).hash(); });
}

TEST(KeyedHash, SpreadsIdsOfEveryLength) {
  for (const std::size_t size : {5, 12, 15, 16, 40, 128}) {
    expect_spread([&](int i) {
      auto id = std::to_string(10'000 + i);
      id.resize(size, 'x');
      return IdProbe(id).hash;
    });
  }
}

// The previous hash of long ids was an invertible finaliser: each next word could be chosen so that ids
// collide. Without the key there is nothing to invert.
TEST(KeyedHash, LeavesNothingInWhatOutlivesTheProcess) {
  IdArena arena;
  for (const std::size_t size : {1, 15, 16, 36, 128}) {
    const std::string text(size, 'a');
    const CompactId id(IdProbe(text), arena);
    const auto kept = CompactId::from_bytes(id.without_hash().bytes());
    if (size > 15) {
      EXPECT_EQ(kept.hash(), 0u);
    }
    EXPECT_EQ(kept.with_hash(arena).bytes(), id.bytes());
    EXPECT_TRUE(kept.with_hash(arena).matches(IdProbe(text), arena));
  }
}

}  // namespace revoked::engine::keyed_hash_test
