#pragma once
// A publisher and a subscriber on one loop.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cache/bus/redis.hpp"
#include "tests/cache/bus/loop.hpp"
#include "tests/support/redis_server.hpp"

namespace revoked::test {

// Texts that callbacks add and a test waits for.
class Inbox {
 public:
  void add(std::string text) {
    std::lock_guard lock(mutex_);
    texts_.push_back(std::move(text));
    changed_.notify_all();
  }
  std::vector<std::string> texts() const {
    std::lock_guard lock(mutex_);
    return texts_;
  }
  std::size_t size() const { return texts().size(); }
  bool wait(std::function<bool(const std::vector<std::string>&)> until,
            std::chrono::seconds limit = std::chrono::seconds(20)) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return until(texts_); });
  }
  bool wait_for_size(std::size_t n) const {
    return wait([n](const auto& texts) { return texts.size() >= n; });
  }
  bool wait_for(const std::string& text) const {
    return wait(
        [&](const auto& texts) { return std::find(texts.begin(), texts.end(), text) != texts.end(); });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> texts_;
};

inline cache::RedisStateListener into(Inbox& inbox) {
  return [&inbox](bool connected, std::string_view reason) {
    inbox.add(connected ? "up" : "down: " + std::string(reason));
  };
}

inline std::size_t count_ups(const std::vector<std::string>& texts) {
  return std::count(texts.begin(), texts.end(), std::string("up"));
}

inline bool wait_for_ups(const Inbox& inbox, std::size_t n) {
  return inbox.wait([n](const auto& texts) { return count_ups(texts) >= n; });
}

inline std::shared_ptr<const std::string> text(std::string value) {
  return std::make_shared<const std::string>(std::move(value));
}

class RedisClients : public testing::Test {
 protected:
  void open(const cache::RedisAddress& to, cache::RedisKeepAlive keep_alive = {}) {
    loop_.run([&] {
      publisher_.emplace(loop_.io, to, into(publisher_states_), keep_alive);
      subscriber_.emplace(
          loop_.io, to, "channel", [this](std::string_view m) { messages_.add(std::string(m)); },
          into(subscriber_states_), keep_alive);
    });
  }
  void wait_until_up(std::size_t times = 1) {
    ASSERT_TRUE(wait_for_ups(publisher_states_, times));
    ASSERT_TRUE(wait_for_ups(subscriber_states_, times));
  }
  // They are connected to this server.
  void expect_a_bound_of_what_is_unsent(RedisServer& server) {
    server.pause();
    const auto mebibyte = text(std::string(1 << 20, 'x'));
    for (std::size_t i = 0; i < 2 * (cache::RedisPublisher::max_unsent_bytes >> 20); ++i) {
      publisher_->publish("channel", mebibyte);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // for the loop to take some of them
    }
    ASSERT_TRUE(publisher_states_.wait_for_size(2));
    EXPECT_GT(publisher_->dropped(), 0);
    server.resume();
    ASSERT_TRUE(wait_for_ups(publisher_states_, 2));
  }
  void TearDown() override {
    loop_.run([&] {
      publisher_.reset();
      subscriber_.reset();
    });
  }

  Inbox messages_, publisher_states_, subscriber_states_;
  Loop loop_;
  std::optional<cache::RedisPublisher> publisher_;
  std::optional<cache::RedisSubscriber> subscriber_;
};

// With a Redis of their own.
class RedisBus : public RedisClients {
 protected:
  using RedisClients::open;
  void open(cache::RedisKeepAlive keep_alive = {}) {
    open(cache::parse_redis_url(server_.url()).value(), keep_alive);
  }

  RedisServer server_;
};

}  // namespace revoked::test
