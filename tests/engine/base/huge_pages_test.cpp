#include "engine/base/huge_pages.hpp"

#include <gtest/gtest.h>

namespace revoked::engine::huge_pages_test {

TEST(HugePages, LargeMemoryBeginsWhereAHugePageDoes) {
  const HugePages pages(3 * HugePages::page_bytes + 5);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pages.data()) % HugePages::page_bytes, 0u);
  static_cast<char*>(pages.data())[pages.size_bytes() - 1] = 1;  // all of it is usable
}

TEST(HugePages, ArraysBeginZeroedAndMoveWithTheirContents) {
  HugeArray<std::uint64_t> array(1 << 20);
  EXPECT_EQ(array[0], 0u);
  EXPECT_EQ(array[array.size() - 1], 0u);
  array[7] = 42;
  HugeArray<std::uint64_t> other(10);
  other = std::move(array);
  EXPECT_EQ(other.size(), std::size_t{1} << 20);
  EXPECT_EQ(other[7], 42u);
}

TEST(HugePages, DiscardedMemoryReadsAsZeros) {
  for (const std::size_t size : {std::size_t{100}, HugePages::page_bytes + 100}) {
    HugePages pages(size);
    auto* const bytes = static_cast<char*>(pages.data());
    bytes[0] = bytes[size - 1] = 1;
    pages.discard();
    EXPECT_EQ(bytes[0], 0);
    EXPECT_EQ(bytes[size - 1], 0);
  }
}

}  // namespace revoked::engine::huge_pages_test
