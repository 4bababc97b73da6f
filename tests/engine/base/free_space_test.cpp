#include "engine/base/free_space.hpp"

#include <gtest/gtest.h>

#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::engine::free_space_test {

using revoked::test::eventually;
using revoked::test::TemporaryDirectory;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t gib = std::uint64_t{1} << 30;

TEST(FreeSpace, UsuallyKeepsATwentiethWithinReason) {
  EXPECT_EQ(usual_reserve_bytes(400 * mib), 200 * mib);
  EXPECT_EQ(usual_reserve_bytes(2 * gib), 256 * mib);
  EXPECT_EQ(usual_reserve_bytes(20 * gib), gib);
  EXPECT_EQ(usual_reserve_bytes(1000 * gib), 2 * gib);
}

TEST(FreeSpace, IsLowWhileThereIsLessThanTheReserve) {
  std::atomic<std::uint64_t> available{50};
  const FreeSpace space({.ask = [&] { return FreeSpace::Bytes{1000, available}; }, .reserve_bytes = 50});
  EXPECT_FALSE(space.is_low());
  available = 49;
  EXPECT_TRUE(eventually([&] { return space.is_low(); }));
  available = 50;
  EXPECT_TRUE(eventually([&] { return !space.is_low(); }));
}

TEST(FreeSpace, IsNotLowWhereNothingIsKnownOfIt) {
  const FreeSpace space({.ask = [] { return FreeSpace::Bytes{}; }, .reserve_bytes = 50});
  EXPECT_FALSE(space.is_low());
}

TEST(FreeSpace, IsThatOfTheFileSystem) {
  const TemporaryDirectory directory;
  const auto bytes = free_space_of(directory.path());
  EXPECT_GT(bytes.available, 0u);
  EXPECT_GE(bytes.total, bytes.available);
  EXPECT_EQ(free_space_of(directory / "absent").total, 0u);
}

}  // namespace revoked::engine::free_space_test
