// The primary that real Sentinels name, through failovers.
#include "tests/support/redis_sentinels.hpp"

#include <chrono>
#include <iostream>

#include "tests/cache/bus/redis_bus.hpp"

namespace revoked::cache::redis_sentinels_redistest {

using namespace std::chrono_literals;
using test::eventually;
using test::Inbox;
using test::RedisSentinels;
using test::text;

using Clock = std::chrono::steady_clock;

// As into(), with the server.
RedisStateListener with_server_into(Inbox& inbox) {
  return [&inbox](bool connected, std::string_view detail) {
    inbox.add(connected ? "up: " + std::string(detail) : "down: " + std::string(detail));
  };
}

std::string up_at(std::uint16_t port) { return "up: 127.0.0.1:" + std::to_string(port); }

class RedisBySentinels : public testing::Test {
 protected:
  void open(const std::string& url) {
    const auto to = parse_redis_url(url).value();
    loop_.run([&] {
      publisher_.emplace(loop_.io, to, with_server_into(publisher_states_));
      subscriber_.emplace(
          loop_.io, to, "channel", [this](std::string_view m) { messages_.add(std::string(m)); },
          with_server_into(subscriber_states_));
    });
  }
  bool is_up_at(std::uint16_t port) {
    return publisher_states_.wait_for(up_at(port)) && subscriber_states_.wait_for(up_at(port));
  }
  // How long after `from` a message that was published later arrived.
  std::chrono::milliseconds time_until_messages_flow(Clock::time_point from) {
    const auto before = messages_.size();
    EXPECT_TRUE(eventually(
        [&] {
          publisher_->publish("channel", text("message"));
          return messages_.size() > before;
        },
        60s));
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - from);
  }
  void TearDown() override {
    loop_.run([&] {
      publisher_.reset();
      subscriber_.reset();
    });
  }

  RedisSentinels sentinels_;
  Inbox messages_, publisher_states_, subscriber_states_;
  test::Loop loop_;
  std::optional<RedisPublisher> publisher_;
  std::optional<RedisSubscriber> subscriber_;
};

TEST_F(RedisBySentinels, FollowsThePrimary) {
  open(sentinels_.url());
  ASSERT_TRUE(is_up_at(sentinels_.first().port()));
  publisher_->publish("channel", text("hello"));
  ASSERT_TRUE(messages_.wait_for("hello"));

  sentinels_.first().kill();
  const auto killed = Clock::now();
  ASSERT_TRUE(eventually([&] { return sentinels_.primary_port() == sentinels_.second().port(); }, 60s));
  const auto moved = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - killed);
  const auto flows = time_until_messages_flow(killed);
  EXPECT_TRUE(is_up_at(sentinels_.second().port()));
  std::cout << "primary killed: the Sentinels name another after " << moved.count()
            << " ms, messages flow after " << flows.count() << " ms\n";

  // The one that was killed comes back as a replica, and becomes the primary.
  sentinels_.first().restart();
  ASSERT_TRUE(eventually([&] { return sentinels_.fail_over(); }, 60s));
  const auto told = Clock::now();
  ASSERT_TRUE(eventually([&] { return sentinels_.primary_port() == sentinels_.first().port(); }, 60s));
  const auto moved_back = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - told);
  const auto flows_back = time_until_messages_flow(told);
  EXPECT_TRUE(eventually([&] {
    return publisher_states_.texts().back() == up_at(sentinels_.first().port()) &&
           subscriber_states_.texts().back() == up_at(sentinels_.first().port());
  }));
  std::cout << "SENTINEL FAILOVER: the Sentinels name another after " << moved_back.count()
            << " ms, messages flow after " << flows_back.count() << " ms\n";

  // PUBLISH to a replica reaches nobody else, and the replica does not say so.
  const auto server = "127.0.0.1:" + std::to_string(sentinels_.first().port());
  ASSERT_EQ(sentinels_.first().command("REPLICAOF 127.0.0.1 " + std::to_string(sentinels_.second().port())),
            "+OK");
  EXPECT_TRUE(publisher_states_.wait_for("down: " + server + ": this is not the primary"));
}

}  // namespace revoked::cache::redis_sentinels_redistest
