#include "net/request.hpp"

#include <gtest/gtest.h>

namespace revoked::net {
namespace {

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  if (!percent_decode(text, out)) return {};
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
  EXPECT_TRUE(percent_decode("%41", out));
  EXPECT_EQ(out, "before A");
}

TEST(Request, FindsQueryValues) {
  EXPECT_EQ(query_value("a=1&b=2&c=3", "b"), "2");
  EXPECT_EQ(query_value("a=1", "a"), "1");
  EXPECT_EQ(query_value("a=x+y%20z%2B", "a"), "x y z+");
  EXPECT_EQ(query_value("a=b=c", "a"), "b=c");
  EXPECT_EQ(query_value("a=", "a"), "");
  EXPECT_EQ(query_value("a", "a"), "");
  EXPECT_EQ(query_value("&&a=1&&", "a"), "1");
  EXPECT_EQ(query_value("a=1&a=2", "a"), "1") << "the first counts";
}

TEST(Request, MissesQueryValuesThatAreNotThere) {
  EXPECT_FALSE(query_value("", "a"));
  EXPECT_FALSE(query_value("b=1", "a"));
  EXPECT_FALSE(query_value("aa=1", "a"));
  EXPECT_FALSE(query_value("A=1", "a")) << "names have a case";
  EXPECT_FALSE(query_value("b=a", "a"));
  EXPECT_FALSE(query_value("a=%zz", "a"));
  EXPECT_FALSE(query_value("a=%4", "a"));
}

TEST(Request, ComparesWithoutCase) {
  EXPECT_TRUE(equal_ignoring_case("", ""));
  EXPECT_TRUE(equal_ignoring_case("Content-LENGTH", "content-length"));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
  EXPECT_FALSE(equal_ignoring_case("[", "{")) << "which differ by the bit that letters differ by";
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

}  // namespace
}  // namespace revoked::net
