#include "engine/base/percent.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "engine/base/character_set.hpp"

namespace revoked::engine::percent_test {

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  if (!percent_decode(text, out)) return {};
  return out;
}

TEST(Percent, IsDecoded) {
  EXPECT_EQ(decoded(""), "");
  EXPECT_EQ(decoded("plain+text"), "plain+text") << "a plus is a plus in a path";
  EXPECT_EQ(decoded("%41%6a%6A"), "Ajj");
  EXPECT_EQ(decoded("a%2Fb%00c"), std::string("a/b\0c", 5));
  EXPECT_EQ(decoded("%25%41"), "%A") << "once, not twice";
  EXPECT_EQ(decoded("%c3%A4"), "\xc3\xa4");
}

TEST(Percent, IsRefusedIfMalformed) {
  for (const auto* text : {"%", "%4", "a%", "a%4", "%g1", "%1g", "%%41", "% 41", "%-1", "%u0041"}) {
    EXPECT_FALSE(decoded(text)) << text;
    EXPECT_FALSE(is_percent_encoded(text)) << text;
  }
}

// An escape is cut wherever the text ends, even if the memory behind it goes on.
TEST(Percent, IsNotReadBeyondTheEnd) {
  const std::string_view whole = "ab%41%42";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const bool is_cut = size == 3 || size == 4 || size == 6 || size == 7;
    EXPECT_EQ(is_percent_encoded(whole.substr(0, size)), !is_cut) << size;
    EXPECT_EQ(decoded(whole.substr(0, size)).has_value(), !is_cut) << size;
  }
}

TEST(Percent, HasEscapesOfTwoDigitsAndNothingElse) {
  for (int high = 0; high < 256; ++high) {
    for (int low = 0; low < 256; ++low) {
      const std::string text{'%', static_cast<char>(high), static_cast<char>(low)};
      const bool is_escape = hex_digits.has_all(std::string_view(text).substr(1));
      ASSERT_EQ(is_percent_encoded(text), is_escape) << high << ' ' << low;
      ASSERT_EQ(decoded(text).has_value(), is_escape) << high << ' ' << low;
    }
  }
}

TEST(Percent, OtherBytesStandForThemselves) {
  const std::string text("\xff\x80 \0+\x7f\n", 7);
  EXPECT_TRUE(is_percent_encoded(text));
  EXPECT_EQ(decoded(text), text);
}

TEST(Percent, IsDecodedBehindWhatIsThere) {
  std::string out = "before ";
  EXPECT_TRUE(percent_decode("%41", out));
  EXPECT_EQ(out, "before A");
}

std::string encoded(std::string_view text, char first = '!') {
  std::string out;
  percent_encode(text, out, first);
  EXPECT_EQ(out == text, is_visible(text, first)) << text;
  return out;
}

TEST(Percent, EncodesWhatIsNotVisible) {
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("auth0|5f-._~!$&'()*+,;=:@/?#[]\"\\<>^`{}"), "auth0|5f-._~!$&'()*+,;=:@/?#[]\"\\<>^`{}");
  EXPECT_EQ(encoded("Zo\xc3\xab"), "Zo%C3%AB");
  EXPECT_EQ(encoded("50%"), "50%25") << "itself, too: decoding restores the original";
  EXPECT_EQ(encoded(" a b "), "%20a%20b%20");
  EXPECT_EQ(encoded("a b%", ' '), "a b%25");
  EXPECT_EQ(encoded("a\r\nb\x7f", ' '), "a%0D%0Ab%7F");
}

// Wherever the byte is, and whatever the bytes around it are.
TEST(Percent, EncodesEachByteAndDecodesItAgain) {
  for (const char beside : {'a', '~', '!', '\xff', '\0', '%'}) {
    for (std::size_t size = 1; size < 20; ++size) {
      for (std::size_t at = 0; at < size; ++at) {
        for (int byte = 0; byte < 256; ++byte) {
          std::string text(size, beside);
          text[at] = static_cast<char>(byte);
          const auto out = encoded(text);
          ASSERT_EQ(decoded(out), text);
          for (const unsigned char c : out) ASSERT_TRUE(c > 0x20 && c < 0x7f);
        }
      }
    }
  }
}

}  // namespace revoked::engine::percent_test
