#include "engine/base/uuid.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <random>
#include <string>

namespace revoked::engine::uuid_test {

const std::string sample = "019b7ca9-8f2e-7abc-8def-0123456789ab";

std::optional<Uuid> parsed(std::string_view text) {
  Uuid uuid{};
  if (!parse_uuid(text, uuid)) return {};
  return uuid;
}

std::string text_of(const Uuid& uuid) {
  std::string text(uuid_text_size + 2, '#');
  write_uuid(uuid, text.data() + 1);
  EXPECT_EQ(text.front(), '#');
  EXPECT_EQ(text.back(), '#');
  return text.substr(1, uuid_text_size);
}

bool is_dash_at(std::size_t at) { return at == 8 || at == 13 || at == 18 || at == 23; }

TEST(Uuid, IsTheBytesThatItsTextNames) {
  constexpr unsigned char bytes[] = {0x01, 0x9b, 0x7c, 0xa9, 0x8f, 0x2e, 0x7a, 0xbc,
                                     0x8d, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab};
  Uuid uuid;
  std::memcpy(uuid.data(), bytes, sizeof bytes);
  EXPECT_EQ(parsed(sample), uuid);
  EXPECT_EQ(text_of(uuid), sample);
}

TEST(Uuid, OfAnyBytesComesBackFromItsText) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 100'000; ++i) {
    const Uuid uuid{random(), random()};
    ASSERT_EQ(parsed(text_of(uuid)), uuid) << text_of(uuid);
    ASSERT_TRUE(is_uuid(text_of(uuid)));
  }
  for (const auto byte : {'0', '9', 'a', 'f'}) {
    auto text = std::string(uuid_text_size, byte);
    for (const std::size_t at : {8, 13, 18, 23}) text[at] = '-';
    ASSERT_EQ(text_of(parsed(text).value()), text) << "whatever the version and variant";
  }
}

// Each byte at each place: only a digit in lower case, or a dash where one belongs, comes back as it was.
TEST(Uuid, HasNothingButDigitsAndDashes) {
  for (std::size_t at = 0; at < sample.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      auto text = sample;
      text[at] = static_cast<char>(byte);
      const bool is_digit = lower_case_hex_digits.has(text[at]);
      const auto uuid = parsed(text);
      ASSERT_EQ(uuid.has_value(), is_dash_at(at) ? byte == '-' : is_digit) << at << ' ' << byte;
      if (uuid) {
        ASSERT_EQ(text_of(*uuid), text);
      }
      ASSERT_EQ(is_uuid(text), is_dash_at(at) ? byte == '-' : hex_digits.has(text[at])) << at << ' ' << byte;
    }
  }
}

TEST(Uuid, InUpperCaseIsOneButNotCanonical) {
  for (const auto* text : {"019B7CA9-8F2E-7ABC-8DEF-0123456789AB", "019b7ca9-8f2e-7abc-8def-0123456789aB"}) {
    EXPECT_TRUE(is_uuid(text)) << text;
    EXPECT_FALSE(parsed(text)) << text << ": the case would be lost";
  }
}

TEST(Uuid, HasExactly36Characters) {
  const auto longer = sample + sample;
  for (std::size_t size = 0; size <= longer.size(); ++size) {
    const auto text = std::string_view(longer).substr(0, size);
    EXPECT_EQ(is_uuid(text), size == uuid_text_size) << text;
    EXPECT_EQ(parsed(text).has_value(), size == uuid_text_size) << text;
  }
}

TEST(Uuid, HasNoOtherForm) {
  for (const auto* text : {
           "019b7ca98f2e7abc8def0123456789ab",            // without dashes
           "019b7ca98f2e7abc8def0123456789ab----",        // dashes elsewhere
           "{019b7ca9-8f2e-7abc-8def-0123456789}",        // in braces
           "019b7ca9-8f2e-7abc-8def--123456789ab",        // one dash more
           "019b7ca9-8f2e-7abc-8def-0123456789\xc3\xab",  // beyond ASCII
           " 19b7ca9-8f2e-7abc-8def-0123456789ab",        //
       }) {
    EXPECT_FALSE(is_uuid(text)) << text;
    EXPECT_FALSE(parsed(text)) << text;
  }
  auto with_zero = sample;
  with_zero[35] = '\0';
  EXPECT_FALSE(is_uuid(with_zero));
  EXPECT_FALSE(parsed(with_zero));
}

}  // namespace revoked::engine::uuid_test
