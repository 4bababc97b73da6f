#include "net/http/request.hpp"
#include "engine/base/percent.hpp"

#include <gtest/gtest.h>

namespace revoked::net::request_test {

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  if (!engine::percent_decode(text, out)) return {};
  return out;
}

TEST(Request, DecodesPercentEncoding) {
  EXPECT_EQ(decoded(""), "");
  EXPECT_EQ(decoded("plain+text"), "plain+text") << "a plus is a plus in a path";
  EXPECT_EQ(decoded("%41%6a%6A"), "Ajj");
  EXPECT_EQ(decoded("a%2Fb%00c"), std::string("a/b\0c", 5));
  EXPECT_EQ(decoded("%25%41"), "%A") << "once, not twice";
  EXPECT_EQ(decoded("%c3%A4"), "\xc3\xa4");
}

TEST(Request, RefusesMalformedPercentEncoding) {
  for (const auto* text : {"%", "%4", "a%", "a%4", "%g1", "%1g", "%%41", "% 41", "%-1", "%u0041"}) {
    EXPECT_FALSE(decoded(text)) << text;
  }
}

TEST(Request, DecodesBehindWhatIsThere) {
  std::string out = "before ";
  EXPECT_TRUE(engine::percent_decode("%41", out));
  EXPECT_EQ(out, "before A");
}

std::string encoded(std::string_view text, char first = '!') {
  std::string out;
  engine::percent_encode(text, out, first);
  EXPECT_EQ(out == text, engine::is_visible(text, first)) << text;
  return out;
}

TEST(Request, EncodesWhatIsNotVisible) {
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("auth0|5f-._~!$&'()*+,;=:@/?#[]\"\\<>^`{}"), "auth0|5f-._~!$&'()*+,;=:@/?#[]\"\\<>^`{}");
  EXPECT_EQ(encoded("Zo\xc3\xab"), "Zo%C3%AB");
  EXPECT_EQ(encoded("50%"), "50%25") << "itself, too: decoding restores the original";
  EXPECT_EQ(encoded(" a b "), "%20a%20b%20");
  EXPECT_EQ(encoded("a b%", ' '), "a b%25");
  EXPECT_EQ(encoded("a\r\nb\x7f", ' '), "a%0D%0Ab%7F");
}

// Wherever the byte is, and whatever the bytes around it are.
TEST(Request, EncodesEachByteAndDecodesItAgain) {
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

TEST(Request, ComparesWithoutCase) {
  EXPECT_TRUE(equal_ignoring_case("", ""));
  EXPECT_TRUE(equal_ignoring_case("Content-LENGTH", "content-length"));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
  EXPECT_FALSE(equal_ignoring_case("[", "{")) << "they differ by the case bit of letters";
  EXPECT_FALSE(equal_ignoring_case("\xc3\x84", "\xc3\xa4")) << "ASCII only";
}

TEST(Request, FindsTokensInLists) {
  EXPECT_TRUE(has_token("close", "close"));
  EXPECT_TRUE(has_token("keep-alive, CLOSE", "close"));
  EXPECT_TRUE(has_token(",, \tclose\t ,", "close"));
  EXPECT_FALSE(has_token("", "close"));
  EXPECT_FALSE(has_token("closed", "close"));
  EXPECT_FALSE(has_token("not close", "close"));
  EXPECT_FALSE(has_token("close;q=1", "close"));
}

}  // namespace revoked::net::request_test
