#include "net/constant_time.hpp"

#include <gtest/gtest.h>

#include <string>

namespace revoked::net {
namespace {

TEST(ConstantTime, SeesADifferenceInEveryBit) {
  for (std::size_t size = 0; size < 70; ++size) {
    const std::string secret(size, 's');
    EXPECT_TRUE(is_same_secret(secret, std::string(secret)));
    EXPECT_FALSE(is_same_secret(secret, secret + 's'));
    for (std::size_t bit = 0; bit < size * 8; ++bit) {
      auto other = secret;
      other[bit / 8] = static_cast<char>(other[bit / 8] ^ 1 << bit % 8);
      ASSERT_FALSE(is_same_secret(secret, other)) << size << " " << bit;
    }
  }
  engine::Digest digest{};
  EXPECT_TRUE(is_same_secret(digest, engine::Digest{}));
  digest.back() = 1;
  EXPECT_FALSE(is_same_secret(digest, engine::Digest{}));
}

}  // namespace
}  // namespace revoked::net
