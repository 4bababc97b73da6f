#include "net/http/request.hpp"

#include <gtest/gtest.h>

namespace revoked::net::request_test {

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
