#include "engine/model/position.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace revoked::engine::position_test {

constexpr auto biggest = std::numeric_limits<std::uint64_t>::max();

TEST(Position, ComesBackAsItWasWritten) {
  for (const Position position :
       {Position{}, Position{3, 1041}, Position{1, 0}, Position{biggest, biggest}}) {
    EXPECT_EQ(parse_position(to_string(position)), position);
  }
  EXPECT_EQ(to_string({3, 1041}), "3-1041");
  EXPECT_EQ(to_string({biggest, biggest}), "18446744073709551615-18446744073709551615");
}

TEST(Position, IsOrderedByEpochThenSequence) {
  EXPECT_LT((Position{1, 9}), (Position{2, 1}));
  EXPECT_LT((Position{2, 1}), (Position{2, 2}));
  EXPECT_EQ((Position{2, 2}), (Position{2, 2}));
}

TEST(Position, RefusesWhatIsNone) {
  for (const char* text : {"", "-", "3", "3-", "-3", "3--4", "3-4-", "3-4 ", " 3-4", "+3-4", "3-+4", "3-4x",
                           "x-4", "3 - 4", "0x3-4", "18446744073709551616-1", "1-18446744073709551616"}) {
    EXPECT_FALSE(parse_position(text)) << text;
  }
}

}  // namespace revoked::engine::position_test
