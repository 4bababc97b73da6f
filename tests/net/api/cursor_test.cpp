#include "net/api/cursor.hpp"

#include <gtest/gtest.h>

#include <set>

#include "engine/base/base64url.hpp"

namespace revoked::net::cursor_test {

TEST(Cursor, LeadsBackToItsPlace) {
  for (const std::size_t size : {0, 1, 36, 128, 255}) {
    const std::string place(size, 'k');
    EXPECT_EQ(open_cursor(seal_cursor(place)), place);
  }
}

TEST(Cursor, TellsNothingOfThePlaceNotEvenItsLength) {
  std::set<std::string> seen;
  for (const auto* place : {"theirs", "theirs", "theirs-0123456789"}) {
    const auto cursor = seal_cursor(place);
    EXPECT_TRUE(seen.insert(cursor).second) << "the same place twice looks different";
    EXPECT_EQ(cursor.size(), seen.begin()->size());
    EXPECT_EQ(engine::decode_base64url(cursor)->find("theirs"), std::string::npos);
  }
}

TEST(Cursor, CannotBeMadeByAnybodyElse) {
  const auto cursor = seal_cursor("k");
  auto bytes = *engine::decode_base64url(cursor);
  for (auto& byte : bytes) {
    byte = static_cast<char>(byte ^ 1);
    EXPECT_EQ(open_cursor(engine::encode_base64url(bytes)), std::nullopt);
    byte = static_cast<char>(byte ^ 1);
  }
  EXPECT_EQ(open_cursor(engine::encode_base64url(bytes)), "k");
  for (const auto& text : {std::string(), std::string("6b"), cursor.substr(4), cursor + "AAAA", cursor + "=",
                           std::string(100'000, 'A')}) {
    EXPECT_EQ(open_cursor(text), std::nullopt);
  }
}

}  // namespace revoked::net::cursor_test
