#include "cache/edge/expected_position.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::expected_position_test {

using namespace std::chrono_literals;
using engine::Position;

constexpr Position reached{3, 100};

Monotonic at(std::chrono::milliseconds time) { return Monotonic(1h) + time; }

TEST(ExpectedPosition, IsOverdueOnceItsMessageShouldHaveArrived) {
  ExpectedPosition expected;
  expected.note({3, 101}, reached, at(0s));
  EXPECT_FALSE(expected.take_overdue(reached, at(99ms)));
  EXPECT_EQ(expected.take_overdue(reached, at(100ms)), (Position{3, 101}));
  EXPECT_FALSE(expected.take_overdue(reached, at(1s))) << "only once";
}

TEST(ExpectedPosition, IsNotOverdueIfItHasBeenReached) {
  ExpectedPosition expected;
  expected.note(reached, reached, at(0s));
  expected.note({3, 101}, reached, at(0s));
  EXPECT_FALSE(expected.take_overdue({3, 101}, at(1s)));
}

TEST(ExpectedPosition, HasItsOwnTimeHoweverManyAnswersFollow) {
  ExpectedPosition expected;
  for (engine::Sequence i = 1; i <= 9; ++i) expected.note({3, 100 + i}, reached, at(10ms * i));
  EXPECT_EQ(expected.take_overdue(reached, at(110ms)), (Position{3, 101}));
  EXPECT_FALSE(expected.take_overdue({3, 101}, at(209ms)));
  EXPECT_EQ(expected.take_overdue({3, 101}, at(210ms)), (Position{3, 109}));
}

}  // namespace revoked::cache::expected_position_test
