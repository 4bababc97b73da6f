#include "net/api/aead.hpp"

#include <gtest/gtest.h>

namespace revoked::net::aead_test {

constexpr AeadKey key{1, 2, 3};

TEST(Aead, OpensWhatItSealed) {
  for (const std::size_t size : {0, 1, 15, 16, 17, 100'000}) {
    const std::string text(size, 't');
    const auto sealed = aead_seal(key, text, "associated");
    EXPECT_EQ(sealed.size(), size + aead_overhead);
    EXPECT_EQ(aead_open(key, sealed, "associated"), text);
  }
  EXPECT_EQ(aead_open(key, aead_seal(key, "text")), "text");
}

// Test case 14 of the specification of GCM (McGrew and Viega, 2005).
TEST(Aead, ReadsTheStandardsFormat) {
  const AeadKey zero{};
  const std::string sealed(
      "\0\0\0\0\0\0\0\0\0\0\0\0"                                           // nonce
      "\xce\xa7\x40\x3d\x4d\x60\x6b\x6e\x07\x4e\xc5\xd3\xba\xf3\x9d\x18"   // encrypted
      "\xd0\xd1\xc8\xa7\x99\x99\x6b\xf0\x26\x5b\x98\xb5\xd4\x8a\xb9\x19",  // tag
      12 + 16 + 16);
  EXPECT_EQ(aead_open(zero, sealed), std::string(16, '\0'));
}

TEST(Aead, NeverSealsTwiceWithTheSameNonce) {
  const auto once = aead_seal(key, "text"), again = aead_seal(key, "text");
  EXPECT_NE(once.substr(0, 12), again.substr(0, 12));
  EXPECT_NE(once.substr(12), again.substr(12));
}

TEST(Aead, OpensNothingElse) {
  auto sealed = aead_seal(key, "text", "associated");
  EXPECT_EQ(aead_open({1, 2, 4}, sealed, "associated"), std::nullopt);
  EXPECT_EQ(aead_open(key, sealed, "Associated"), std::nullopt);
  EXPECT_EQ(aead_open(key, sealed), std::nullopt);
  for (auto& byte : sealed) {
    byte = static_cast<char>(byte ^ 1);
    EXPECT_EQ(aead_open(key, sealed, "associated"), std::nullopt);
    byte = static_cast<char>(byte ^ 1);
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_EQ(aead_open(key, std::string_view(sealed).substr(0, size), "associated"), std::nullopt);
  }
  EXPECT_EQ(aead_open(key, sealed, "associated"), "text");
}

}  // namespace revoked::net::aead_test
