// What a publisher sends reaches a subscriber.
#include "tests/cache/bus/redis_bus.hpp"

#include <array>
#include <thread>

namespace revoked::cache::redis_bus_redistest {

using test::RedisBus;
using test::text;

TEST_F(RedisBus, DeliversTenThousandMessagesInOrderAndOnce) {
  open();
  wait_until_up();
  constexpr int count = 10'000;
  for (int i = 0; i < count; ++i) publisher_->publish("channel", text(std::to_string(i)));
  publisher_->publish("channel", text("end"));
  ASSERT_TRUE(messages_.wait_for("end"));
  const auto got = messages_.texts();
  ASSERT_EQ(got.size(), count + 1);
  for (int i = 0; i < count; ++i) ASSERT_EQ(got[i], std::to_string(i));
  EXPECT_EQ(publisher_->dropped(), 0);
}

TEST_F(RedisBus, KeepsTheOrderOfEachThread) {
  open();
  wait_until_up();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 1000; ++i) publisher_->publish("channel", text(std::to_string(t * 10'000 + i)));
    });
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(messages_.wait_for_size(4000));
  std::array<int, 4> next{};
  for (const auto& message : messages_.texts()) {
    const int number = std::stoi(message);
    EXPECT_EQ(number % 10'000, next[number / 10'000]++);
  }
}

TEST_F(RedisBus, CarriesBytesAndLargeMessages) {
  open();
  wait_until_up();
  const std::string bytes("a\0b\r\nc", 6);
  const std::string large(RedisSubscriber::max_message_bytes, 'x');
  publisher_->publish("channel", text(bytes));
  publisher_->publish("other", text("not for us"));
  publisher_->publish("channel", text(large));
  publisher_->publish("channel", text(""));
  ASSERT_TRUE(messages_.wait_for_size(3));
  EXPECT_EQ(messages_.texts()[0], bytes);
  EXPECT_TRUE(messages_.texts()[1] == large);
  EXPECT_EQ(messages_.texts()[2], "");
}

TEST_F(RedisBus, WorksOverAUnixSocket) {
  open(parse_redis_url("unix://" + server_.unix_path()).value());
  wait_until_up();
  publisher_->publish("channel", text("hello"));
  EXPECT_TRUE(messages_.wait_for("hello"));
}

TEST_F(RedisBus, FindsAHostByName) {
  auto address = parse_redis_url(server_.url()).value();
  address.servers.at(0).host = "localhost";
  open(address);
  wait_until_up();
  publisher_->publish("channel", text("hello"));
  EXPECT_TRUE(messages_.wait_for("hello"));
}

TEST_F(RedisBus, NothingHappensAfterStop) {
  open();
  wait_until_up();
  loop_.run([&] {
    publisher_->stop();
    subscriber_->stop();
  });
  publisher_->publish("channel", text("x"));
  EXPECT_EQ(publisher_->dropped(), 1);
  EXPECT_FALSE(publisher_->is_connected());
  EXPECT_TRUE(loop_.becomes_idle());
  EXPECT_EQ(publisher_states_.size(), 1);
  EXPECT_EQ(subscriber_states_.size(), 1);
  EXPECT_EQ(messages_.size(), 0);
}

}  // namespace revoked::cache::redis_bus_redistest
