#include "cache/edge/redis_watch.hpp"

#include <gtest/gtest.h>

namespace revoked::cache::redis_watch_test {

using namespace std::chrono_literals;

class RedisWatchTest : public testing::Test {
 protected:
  void receive(int messages) {
    for (int i = 0; i < messages; ++i) watch.on_message(now += 100ms);
  }
  bool needs_feed() { return watch.needs_feed(now); }

  RedisWatch watch{500ms};
  RedisWatch::Time now{1h};
};

TEST_F(RedisWatchTest, NeedsTheFeedUntilRedisHasDeliveredAFewMessages) {
  EXPECT_TRUE(needs_feed());
  watch.on_state(true);
  EXPECT_TRUE(needs_feed());
  receive(RedisWatch::good_messages - 1);
  EXPECT_TRUE(needs_feed());
  receive(1);
  EXPECT_FALSE(needs_feed());
}

TEST_F(RedisWatchTest, NeedsTheFeedOnceRedisIsSilent) {
  watch.on_state(true);
  receive(10);
  now += 500ms;
  EXPECT_FALSE(needs_feed());
  now += 1ms;
  EXPECT_TRUE(needs_feed());
  receive(1);
  EXPECT_TRUE(needs_feed()) << "messages before the silence do not count";
  receive(1);
  EXPECT_FALSE(needs_feed());
}

TEST_F(RedisWatchTest, NeedsTheFeedWhileRedisIsDisconnected) {
  watch.on_state(true);
  receive(10);
  watch.on_state(false);
  EXPECT_TRUE(needs_feed());
  watch.on_state(true);
  EXPECT_TRUE(needs_feed()) << "until messages arrive again";
  receive(RedisWatch::good_messages);
  EXPECT_FALSE(needs_feed());
}

TEST_F(RedisWatchTest, CountsAfreshWhenTold) {
  watch.on_state(true);
  receive(10);
  watch.start_over();
  EXPECT_TRUE(needs_feed());
  receive(RedisWatch::good_messages);
  EXPECT_FALSE(needs_feed());
}

}  // namespace revoked::cache::redis_watch_test
