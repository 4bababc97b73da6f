#include "engine/base/digest.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace revoked::engine::digest_test {

TEST(Digest, IsSha256) {  // FIPS 180-4 examples
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Digest, IsReadInEveryFormThatPeopleHaveItIn) {
  const auto digest = sha256("abc");
  for (const auto* text :
       {"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
        "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
        "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=", "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"}) {
    EXPECT_EQ(digest_from_text(text), digest) << text;
  }
  for (const auto* text :
       {"", "abc", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa1=",  // non-zero spare bits
        "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa==", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0==",
        "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAF 0=", " ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
        "ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}) {
    EXPECT_FALSE(digest_from_text(text)) << text;
  }
}

TEST(Digester, IsSha256WithoutAPepper) { EXPECT_EQ(Digester()("abc"), sha256("abc")); }

TEST(Digester, IsHmacSha256OverTheSha256WithAPepper) {
  // printf %s SECRET | openssl dgst -sha256 -binary | openssl dgst -sha256 -hmac PEPPER
  const Digester peppered("Jefe");
  EXPECT_EQ(to_hex(peppered("what do ya want for nothing?")),
            "5e95b0cc691c2c2f741553fae6bb3bcf9d11b6c41dae93c2a775002ff1dbfcca");
  EXPECT_EQ(peppered.of_sha256(sha256("abc")), peppered("abc"));
  EXPECT_EQ(Digester().of_sha256(sha256("abc")), sha256("abc"));
}

TEST(Digester, WorksFromManyThreadsAtOnce) {
  const Digester peppered("Jefe");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&peppered] {
      const auto plain = sha256("abc");
      const auto mixed = peppered("abc");
      for (int i = 0; i < 2000; ++i) {
        ASSERT_EQ(sha256("abc"), plain);
        ASSERT_EQ(peppered("abc"), mixed);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(Digest, ComesBackFromHexadecimalOfEitherCase) {
  const auto digest = sha256("abc");
  auto text = to_hex(digest);
  EXPECT_EQ(digest_from_hex(text), digest);
  for (auto& c : text) c = static_cast<char>(std::toupper(c));
  EXPECT_EQ(digest_from_hex(text), digest);
  EXPECT_FALSE(digest_from_hex(text.substr(1)));
  EXPECT_FALSE(digest_from_hex(text + "0"));
  EXPECT_FALSE(digest_from_hex(""));
  for (std::size_t at = 0; at < text.size(); ++at) {
    auto wrong = text;
    wrong[at] = 'g';
    EXPECT_FALSE(digest_from_hex(wrong));
  }
}

TEST(Digest, ComparesWhole) {
  const auto a = sha256("abc");
  EXPECT_TRUE(equal_in_constant_time(a, a));
  for (std::size_t at = 0; at < a.size(); ++at) {
    auto b = a;
    b[at] ^= 1;
    EXPECT_FALSE(equal_in_constant_time(a, b));
  }
}

}  // namespace revoked::engine::digest_test
