// Nodes of a real Cluster: what is published at one reaches the subscribers of all.
#include <gtest/gtest.h>

#include <chrono>
#include <list>

#include "tests/cache/bus/redis_bus.hpp"
#include "tests/support/process.hpp"
#include "tests/support/reserved_port.hpp"

namespace revoked::cache::redis_cluster_redistest {

using namespace std::chrono_literals;
using test::eventually;
using test::into;
using test::RedisServer;
using test::text;
using test::wait_for_ups;

class RedisCluster : public testing::Test {
 protected:
  RedisCluster() {
    std::vector<std::string> command{"redis-cli", "--cluster", "create"};
    for (std::size_t i = 0; i < 3; ++i) {
      const auto& bus_port = bus_ports_.emplace_back();
      const auto& node = nodes_.emplace_back(
          std::vector<std::string>{"--cluster-enabled", "yes", "--cluster-port",
                                   std::to_string(bus_port.number()), "--cluster-node-timeout", "1000"});
      command.push_back("127.0.0.1:" + std::to_string(node.port()));
    }
    command.push_back("--cluster-yes");
    test::Process cli({.command = command});
    is_made_ = cli.wait(60s) == 0;
  }
  RedisServer& node(std::size_t i) { return *std::next(nodes_.begin(), static_cast<std::ptrdiff_t>(i)); }
  RedisAddress address(std::vector<std::size_t> order) {
    std::string url;
    for (const auto i : order)
      url += (url.empty() ? "redis://" : ",") + ("127.0.0.1:" + std::to_string(node(i).port()));
    return parse_redis_url(url).value();
  }
  bool messages_flow() {
    const auto before = messages_.size();
    return eventually([&] {
      publisher_->publish("channel", text("message"));
      return messages_.size() > before;
    });
  }
  void TearDown() override {
    loop_.run([&] {
      publisher_.reset();
      subscriber_.reset();
    });
  }

  std::list<test::ReservedPort> bus_ports_;
  std::list<RedisServer> nodes_;
  bool is_made_ = false;
  test::Inbox messages_, publisher_states_, subscriber_states_;
  test::Loop loop_;
  std::optional<RedisPublisher> publisher_;
  std::optional<RedisSubscriber> subscriber_;
};

TEST_F(RedisCluster, DeliversFromNodeToNodeAndGoesOnToAnotherNode) {
  ASSERT_TRUE(is_made_);
  loop_.run([&] {
    publisher_.emplace(loop_.io, address({0, 1, 2}), into(publisher_states_));
    subscriber_.emplace(
        loop_.io, address({1, 2, 0}), "channel",
        [this](std::string_view m) { messages_.add(std::string(m)); }, into(subscriber_states_));
  });
  ASSERT_TRUE(wait_for_ups(publisher_states_, 1));
  ASSERT_TRUE(wait_for_ups(subscriber_states_, 1));
  EXPECT_TRUE(messages_flow());

  node(1).kill();
  ASSERT_TRUE(wait_for_ups(subscriber_states_, 2));
  EXPECT_TRUE(messages_flow());
  EXPECT_EQ(node(2).command("PUBSUB NUMSUB channel"), "*2");
  EXPECT_EQ(test::count_ups(publisher_states_.texts()), 1);
}

}  // namespace revoked::cache::redis_cluster_redistest
