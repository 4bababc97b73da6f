#include "cache/edge/fair_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace revoked::cache::fair_queue_test {

std::string pop_all(FairQueue<int>& queue) {
  std::string order;
  while (const auto item = queue.pop()) order += std::to_string(*item) + " ";
  return order;
}

TEST(FairQueue, TakesFromEachInTurn) {
  FairQueue<int> queue(100);
  for (int i = 0; i < 4; ++i) queue.push(1, 10 + i);
  for (int i = 0; i < 2; ++i) queue.push(2, 20 + i);
  queue.push(3, 30);
  EXPECT_EQ(queue.size(), 7);
  EXPECT_EQ(pop_all(queue), "10 20 30 11 21 12 13 ");
  EXPECT_EQ(queue.size(), 0);
}

TEST(FairQueue, HasWhoeverHasMostLoseTheNewest) {
  FairQueue<int> queue(4);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(queue.push(1, 10 + i));
  EXPECT_EQ(queue.push(1, 14), 14);
  EXPECT_EQ(queue.push(2, 20), 13);
  EXPECT_EQ(queue.push(2, 21), 12);
  EXPECT_EQ(queue.size(), 4);
  EXPECT_EQ(pop_all(queue), "10 20 11 21 ");
}

TEST(FairQueue, DropsWhatIsNotKept) {
  FairQueue<int> queue(100);
  for (int i = 0; i < 30; ++i) queue.push(static_cast<Peer>(i % 3), i);
  queue.keep_if([](int item) { return item % 3 == 1 || item == 5; });
  EXPECT_EQ(queue.size(), 11);
  EXPECT_EQ(pop_all(queue), "1 5 4 7 10 13 16 19 22 25 28 ");
}

TEST(FairQueue, CountsWhatItHasWhateverIsDone) {
  std::mt19937 random(1);
  FairQueue<int> queue(50);
  std::size_t expected = 0;
  for (int i = 0; i < 20'000; ++i) {
    switch (random() % 4) {
      case 0:
      case 1:
        expected += !queue.push(random() % 20, i);
        break;
      case 2:
        expected -= queue.pop().has_value();
        break;
      default:
        if (random() % 50 == 0) queue.keep_if([&](int) { return random() % 2 == 0 || (--expected, false); });
    }
    ASSERT_EQ(queue.size(), expected);
    ASSERT_LE(expected, 50);
  }
}

}  // namespace revoked::cache::fair_queue_test
