// A connection that is cut, silent, slow or idle.
#include <atomic>
#include <chrono>
#include <string_view>
#include <thread>

#include "tests/cache/bus/redis_bus.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/redis_connection.hpp"

namespace revoked::cache::redis_faults_redistest {

using namespace std::chrono_literals;
using test::count_ups;
using test::eventually;
using test::RedisBus;
using test::text;
using test::wait_for_ups;

// How many it has received from anyone.
long count_pings(test::RedisConnection& redis) {
  const auto statistics = redis.command({"INFO", "commandstats"}).text;
  constexpr std::string_view name = "cmdstat_ping:calls=";
  const auto at = statistics.find(name);
  return at == statistics.npos ? 0 : std::stol(statistics.substr(at + name.size()));
}

TEST_F(RedisBus, ComesBackAfterAMessageThatIsTooLarge) {
  open();
  wait_until_up();
  publisher_->publish("channel",
                      text(std::string(RedisSubscriber::max_message_bytes + (64 << 10) + 4096, 'x')));
  ASSERT_TRUE(subscriber_states_.wait_for("down: reply too large"));
  ASSERT_TRUE(wait_for_ups(subscriber_states_, 2));
  publisher_->publish("channel", text("small"));
  ASSERT_TRUE(messages_.wait_for("small"));
  EXPECT_EQ(messages_.size(), 1);
}

TEST_F(RedisBus, ComesBackAfterRedisWasKilledAndDropsWhatCameMeanwhile) {
  open();
  wait_until_up();
  publisher_->publish("channel", text("before"));
  ASSERT_TRUE(messages_.wait_for("before"));
  server_.kill();
  ASSERT_TRUE(publisher_states_.wait_for_size(2));
  ASSERT_TRUE(subscriber_states_.wait_for_size(2));
  EXPECT_FALSE(publisher_->is_connected());
  const auto dropped = publisher_->dropped();
  for (int i = 0; i < 100; ++i) publisher_->publish("channel", text("meanwhile"));
  EXPECT_EQ(publisher_->dropped(), dropped + 100);
  server_.restart();
  wait_until_up(2);
  publisher_->publish("channel", text("after"));
  ASSERT_TRUE(messages_.wait_for("after"));
  EXPECT_EQ(messages_.texts(), (std::vector<std::string>{"before", "after"}));
}

TEST_F(RedisBus, SubscribesAgainWhenRedisCutsItsSubscribers) {
  open();
  wait_until_up();
  for (std::size_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(server_.command("CLIENT KILL TYPE pubsub"), ":1");
    ASSERT_TRUE(wait_for_ups(subscriber_states_, 1 + i));
    publisher_->publish("channel", text("message " + std::to_string(i)));
    ASSERT_TRUE(messages_.wait_for("message " + std::to_string(i)));
  }
  EXPECT_EQ(messages_.size(), 3);
  EXPECT_EQ(count_ups(publisher_states_.texts()), 1);
}

TEST_F(RedisBus, LosesNoConnectionAndNothingTwiceUnderConstantKills) {
  open();
  wait_until_up();
  std::atomic<bool> stop{false};
  std::thread publishing([&] {
    for (int i = 0; !stop; ++i) {
      publisher_->publish("channel", text(std::to_string(i)));
      if (i % 64 == 0) std::this_thread::sleep_for(1ms);  // at most 64,000 a second
    }
  });
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(50ms);  // 20 kills a second: some hit a connection that is being made
    server_.command(i % 2 ? "CLIENT KILL TYPE pubsub" : "CLIENT KILL TYPE normal");
  }
  stop = true;
  publishing.join();
  ASSERT_TRUE(wait_for_ups(publisher_states_, 2));
  long last = -1;
  for (const auto& message : messages_.texts()) {
    ASSERT_GT(std::stol(message), last);
    last = std::stol(message);
  }
}

TEST_F(RedisBus, NoticesASilentPeer) {
  open();
  wait_until_up();
  server_.pause();
  const auto from = std::chrono::steady_clock::now();
  ASSERT_TRUE(publisher_states_.wait_for_size(2));
  ASSERT_TRUE(subscriber_states_.wait_for_size(2));
  EXPECT_LT(std::chrono::steady_clock::now() - from, 15s);
  EXPECT_EQ(publisher_states_.texts()[1], "down: no answer to a ping");
  server_.resume();
  wait_until_up(2);
}

// A connection sends its next ping only when the last was answered.
TEST_F(RedisBus, StaysConnectedWhileNothingHappens) {
  const RedisKeepAlive keep_alive{.ping_after = 100ms, .dead_after = 2s};
  open(keep_alive);
  wait_until_up();
  test::RedisConnection redis(server_.url());
  const auto pings_of_both = 2 * (keep_alive.dead_after / keep_alive.ping_after + 1);
  const auto enough = count_pings(redis) + pings_of_both;
  ASSERT_TRUE(eventually([&] { return count_pings(redis) >= enough; }));
  EXPECT_EQ(publisher_states_.size(), 1);
  EXPECT_EQ(subscriber_states_.size(), 1);
  publisher_->publish("channel", text("still here"));
  EXPECT_TRUE(messages_.wait_for("still here"));
}

TEST_F(RedisBus, BoundsWhatIsUnsent) {
  open();
  wait_until_up();
  expect_a_bound_of_what_is_unsent(server_);
}

}  // namespace revoked::cache::redis_faults_redistest
