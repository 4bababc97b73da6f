#include "engine/base/character_set.hpp"

#include <gtest/gtest.h>

#include <string>

namespace revoked::engine::character_set_test {

constexpr CharacterSet vowels("aeiou");

// The characters of the set, in order.
std::string characters_of(const CharacterSet& set) {
  std::string found;
  for (int c = 0; c < 256; ++c) {
    if (set.has(static_cast<char>(c))) found.push_back(static_cast<char>(c));
  }
  return found;
}

TEST(CharacterSet, HasItsCharactersAndNoOthers) {
  EXPECT_EQ(characters_of(CharacterSet()), "");
  EXPECT_EQ(characters_of(vowels), "aeiou");
  EXPECT_EQ(characters_of(CharacterSet("zaza")), "az");
}

TEST(CharacterSet, CanHaveAnyByte) {
  const CharacterSet set(std::string_view("\0\x7f\x80\xff", 4));
  EXPECT_EQ(characters_of(set), std::string("\0\x7f\x80\xff", 4));
  EXPECT_EQ(characters_of(CharacterSet::range(0, 255)).size(), 256u);
}

TEST(CharacterSet, ARangeIncludesBothEnds) {
  EXPECT_EQ(characters_of(CharacterSet::range('a', 'e')), "abcde");
  EXPECT_EQ(characters_of(CharacterSet::range('x', 'x')), "x");
  EXPECT_EQ(characters_of(CharacterSet::range('b', 'a')), "");
  EXPECT_EQ(characters_of(CharacterSet::range(0xfe, 0xff)), "\xfe\xff");
}

TEST(CharacterSet, IsJoinedAndReduced) {
  EXPECT_EQ(characters_of(vowels | CharacterSet("xyza")), "aeiouxyz");
  EXPECT_EQ(characters_of(vowels - CharacterSet("xyza")), "eiou");
  EXPECT_EQ(characters_of(vowels - vowels), "");
  EXPECT_EQ(characters_of(vowels), "aeiou") << "neither changes its operands";
}

TEST(CharacterSet, HasAllOfATextIfItHasEachByte) {
  EXPECT_TRUE(vowels.has_all(""));
  EXPECT_TRUE(CharacterSet().has_all(""));
  for (std::size_t size = 1; size < 20; ++size) {
    std::string text(size, 'a');
    ASSERT_TRUE(vowels.has_all(text));
    for (std::size_t at = 0; at < size; ++at) {
      for (const char other : {'b', 'A', '\0', '\x80', '\xe1'}) {  // \xe1: 'a' with the high bit
        text[at] = other;
        ASSERT_FALSE(vowels.has_all(text)) << at << " of " << size;
      }
      text[at] = 'u';
    }
  }
}

TEST(CharacterSet, NamedOnesAreThoseOfAscii) {
  const std::string lower = "abcdefghijklmnopqrstuvwxyz";
  EXPECT_EQ(characters_of(digits), "0123456789");
  EXPECT_EQ(characters_of(lower_case_letters), lower);
  EXPECT_EQ(characters_of(letters_and_digits), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" + lower);
  EXPECT_EQ(characters_of(lower_case_hex_digits), "0123456789abcdef");
  EXPECT_EQ(characters_of(hex_digits), "0123456789ABCDEFabcdef");
}

// Alphabets are checked at compile time, too.
static_assert(vowels.has('a') && !vowels.has('b') && (vowels - CharacterSet("a")).has_all("eiou"));

}  // namespace revoked::engine::character_set_test
