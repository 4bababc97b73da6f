#include "cache/bus/redis.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/support/redis_server.hpp"

namespace revoked::cache::redis_redistest {

using namespace std::chrono_literals;
using test::RedisServer;

// ---- addresses

TEST(RedisUrl, ReadsEveryPart) {
  const auto address = parse_redis_url("redis://alice:p%40ss%3a@redis.example:7000/3").value();
  EXPECT_EQ(address.host, "redis.example");
  EXPECT_EQ(address.port, 7000);
  EXPECT_EQ(address.user, "alice");
  EXPECT_EQ(address.password, "p@ss:");
  EXPECT_EQ(address.database, 3);
  EXPECT_EQ(to_string(address), "redis://redis.example:7000/3");
}

TEST(RedisUrl, HasDefaults) {
  const auto address = parse_redis_url("redis://127.0.0.1").value();
  EXPECT_EQ(address.port, 6379);
  EXPECT_EQ(address.database, 0);
  EXPECT_EQ(address.password, "");
  EXPECT_EQ(parse_redis_url("redis://:secret@h").value().password, "secret");
  EXPECT_EQ(parse_redis_url("redis://h/").value().host, "h");
}

TEST(RedisUrl, ReadsSixAndUnix) {
  const auto six = parse_redis_url("redis://[::1]:6380").value();
  EXPECT_EQ(six.host, "::1");
  EXPECT_EQ(to_string(six), "redis://[::1]:6380");
  EXPECT_EQ(parse_redis_url("redis://[fe80::1%eth0]:6380").value().host, "fe80::1%eth0");
  EXPECT_FALSE(parse_redis_url("redis://:secret@[fe80::1%a@b]:6380"));
  EXPECT_EQ(parse_redis_url("unix:///run/redis.sock").value().unix_path, "/run/redis.sock");
}

TEST(RedisUrl, RefusesEverythingElse) {
  for (const auto* url : {"",
                          "redis:",
                          "redis://",
                          "http://h",
                          "REDIS://h",
                          "redis://h:0",
                          "redis://h:65536",
                          "redis://h:",
                          "redis://h:x",
                          "redis://h/x",
                          "redis://h/1/2",
                          "redis://h/-1",
                          "redis://h/99999999999",
                          "redis://user@h",
                          "redis://u:@h",
                          "redis://u:p%4@h",
                          "redis://u:p%zz@h",
                          "redis://u:p\xc3\xa9@h",
                          "redis://u:p@q@h",
                          "redis://h?x=1",
                          "redis://h#x",
                          "redis://[::1",
                          "redis://[zz]",
                          "redis://::1",
                          "redis://h h",
                          "unix://",
                          "unix:///",
                          "unix://relative",
                          "unix:///a\nb"})
    EXPECT_FALSE(parse_redis_url(url)) << url;
}

// ---- connections

// An io_context on a thread; records callbacks, so that tests can wait for them.
class Loop {
 public:
  Loop() : work_(io.get_executor()), thread_([this] { io.run(); }) {}
  ~Loop() {
    work_.reset();
    io.stop();
    thread_.join();
  }
  void run(std::function<void()> what) {
    std::promise<void> done;
    asio::post(io, [&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }
  asio::io_context io{1};

 private:
  asio::executor_work_guard<Executor> work_;
  std::thread thread_;
};

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
            std::chrono::seconds limit = 20s) const {
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

RedisStateListener into(Inbox& inbox) {
  return [&inbox](bool connected, std::string_view reason) {
    inbox.add(connected ? "up" : "down: " + std::string(reason));
  };
}

std::size_t count_ups(const std::vector<std::string>& texts) {
  return std::count(texts.begin(), texts.end(), std::string("up"));
}

bool wait_for_ups(const Inbox& inbox, std::size_t n) {
  return inbox.wait([n](const auto& texts) { return count_ups(texts) >= n; });
}

std::shared_ptr<const std::string> text(std::string value) {
  return std::make_shared<const std::string>(std::move(value));
}

// A publisher and a subscriber on one loop.
class RedisBus : public testing::Test {
 protected:
  void open(const RedisAddress& to) {
    loop_.run([&] {
      publisher_.emplace(loop_.io, to, into(publisher_states_));
      subscriber_.emplace(
          loop_.io, to, "channel", [this](std::string_view m) { messages_.add(std::string(m)); },
          into(subscriber_states_));
    });
  }
  void open() { open(parse_redis_url(server_.url()).value()); }
  void wait_until_up(std::size_t times = 1) {
    ASSERT_TRUE(wait_for_ups(publisher_states_, times));
    ASSERT_TRUE(wait_for_ups(subscriber_states_, times));
  }
  void TearDown() override {
    loop_.run([&] {
      publisher_.reset();
      subscriber_.reset();
    });
  }

  RedisServer server_;
  Inbox messages_, publisher_states_, subscriber_states_;
  Loop loop_;
  std::optional<RedisPublisher> publisher_;
  std::optional<RedisSubscriber> subscriber_;
};

TEST_F(RedisBus, DeliversTenThousandMessagesInOrderAndOnce) {
  open();
  wait_until_up();
  constexpr int count = 10'000;
  for (int i = 0; i < count; ++i) publisher_->publish("channel", text(std::to_string(i)));
  ASSERT_TRUE(messages_.wait_for_size(count));
  std::this_thread::sleep_for(50ms);
  const auto got = messages_.texts();
  ASSERT_EQ(got.size(), count);
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
  address.host = "localhost";
  open(address);
  wait_until_up();
  publisher_->publish("channel", text("hello"));
  EXPECT_TRUE(messages_.wait_for("hello"));
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
      if (i % 64 == 0) std::this_thread::sleep_for(1ms);
    }
  });
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(50ms);
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

TEST_F(RedisBus, StaysConnectedWhileNothingHappens) {
  open();
  wait_until_up();
  std::this_thread::sleep_for(6s);
  EXPECT_EQ(publisher_states_.size(), 1);
  EXPECT_EQ(subscriber_states_.size(), 1);
  publisher_->publish("channel", text("still here"));
  EXPECT_TRUE(messages_.wait_for("still here"));
}

TEST_F(RedisBus, BoundsWhatIsUnsent) {
  open();
  wait_until_up();
  server_.pause();
  const auto mebibyte = text(std::string(1 << 20, 'x'));
  for (std::size_t i = 0; i < 2 * (RedisPublisher::max_unsent_bytes >> 20); ++i) {
    publisher_->publish("channel", mebibyte);
    std::this_thread::sleep_for(1ms);
  }
  ASSERT_TRUE(publisher_states_.wait_for_size(2));
  EXPECT_GT(publisher_->dropped(), 0);
  server_.resume();
  ASSERT_TRUE(wait_for_ups(publisher_states_, 2));
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
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(publisher_states_.size(), 1);
  EXPECT_EQ(subscriber_states_.size(), 1);
  EXPECT_EQ(messages_.size(), 0);
}

TEST(RedisLogin, ReportsAWrongPasswordWithoutTellingIt) {
  RedisServer server({"--requirepass", "correct"});
  Inbox states;
  Loop loop;
  std::optional<RedisPublisher> publisher;
  loop.run([&] {
    publisher.emplace(
        loop.io, parse_redis_url("redis://:incorrect@127.0.0.1:" + std::to_string(server.port())).value(),
        into(states));
  });
  ASSERT_TRUE(states.wait_for_size(1));
  EXPECT_TRUE(states.texts()[0].starts_with("down: WRONGPASS")) << states.texts()[0];
  EXPECT_EQ(states.texts()[0].find("incorrect"), std::string::npos);
  loop.run([&] { publisher.reset(); });
}

TEST(RedisLogin, ReportsAMissingPassword) {
  RedisServer server({"--requirepass", "correct"});
  Inbox publisher_states, subscriber_states;
  Loop loop;
  std::optional<RedisPublisher> publisher;
  std::optional<RedisSubscriber> subscriber;
  const auto address = parse_redis_url(server.url()).value();
  loop.run([&] {
    publisher.emplace(loop.io, address, into(publisher_states));
    subscriber.emplace(
        loop.io, address, "channel", [](std::string_view) {}, into(subscriber_states));
  });
  ASSERT_TRUE(publisher_states.wait_for_size(1));
  ASSERT_TRUE(subscriber_states.wait_for_size(1));
  EXPECT_TRUE(publisher_states.texts()[0].starts_with("down: NOAUTH")) << publisher_states.texts()[0];
  EXPECT_TRUE(subscriber_states.texts()[0].starts_with("down: NOAUTH")) << subscriber_states.texts()[0];
  loop.run([&] {
    publisher.reset();
    subscriber.reset();
  });
}

TEST(RedisLogin, SignsInAndSelectsADatabase) {
  RedisServer server({"--requirepass", "correct"});
  const auto port = std::to_string(server.port());
  for (const auto& url :
       {"redis://:correct@127.0.0.1:" + port, "redis://default:correct@127.0.0.1:" + port + "/2"}) {
    Inbox states, messages;
    Loop loop;
    std::optional<RedisPublisher> publisher;
    std::optional<RedisSubscriber> subscriber;
    loop.run([&] {
      publisher.emplace(loop.io, parse_redis_url(url).value(), into(states));
      subscriber.emplace(
          loop.io, parse_redis_url(url).value(), "channel",
          [&](std::string_view m) { messages.add(std::string(m)); }, into(states));
    });
    ASSERT_TRUE(wait_for_ups(states, 2));
    publisher->publish("channel", text("hello"));
    EXPECT_TRUE(messages.wait_for("hello"));
    loop.run([&] {
      publisher.reset();
      subscriber.reset();
    });
  }
}

TEST(RedisConnecting, ReportsThatNobodyListensOnce) {
  std::uint16_t port = 0;
  { port = RedisServer().port(); }
  Inbox states;
  Loop loop;
  std::optional<RedisPublisher> publisher;
  loop.run([&] {
    publisher.emplace(loop.io, parse_redis_url("redis://127.0.0.1:" + std::to_string(port)).value(),
                      into(states));
  });
  ASSERT_TRUE(states.wait_for("down: Connection refused"));
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(states.size(), 1);
  loop.run([&] { publisher.reset(); });
}

TEST(RedisConnecting, GivesUpOnAPeerThatNeverAnswers) {
  RedisServer server;
  server.pause();
  Inbox states;
  Loop loop;
  std::optional<RedisSubscriber> subscriber;
  loop.run([&] {
    subscriber.emplace(
        loop.io, parse_redis_url(server.url()).value(), "channel", [](std::string_view) {}, into(states));
  });
  ASSERT_TRUE(states.wait_for("down: no answer in time"));
  server.resume();
  EXPECT_TRUE(wait_for_ups(states, 1));
  loop.run([&] { subscriber.reset(); });
}

TEST(RedisConnecting, CanBeStoppedAtAnyMoment) {
  RedisServer server;
  for (int microseconds = 0; microseconds < 2000; microseconds += 50) {
    Inbox states;
    Loop loop;
    std::optional<RedisPublisher> publisher;
    std::optional<RedisSubscriber> subscriber;
    auto address = parse_redis_url(server.url()).value();
    if (microseconds % 100) address.host = "localhost";
    loop.run([&] {
      publisher.emplace(loop.io, address, into(states));
      subscriber.emplace(
          loop.io, address, "channel", [](std::string_view) {}, into(states));
    });
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    std::size_t published = 0;
    loop.run([&] {
      publisher.reset();
      subscriber.reset();
      published = states.size();
    });
    loop.run([] {});
    EXPECT_EQ(states.size(), published);
  }
}

TEST(RedisConnecting, CanBeStoppedFromItsOwnCallbacks) {
  RedisServer server;
  Inbox messages;
  Loop loop;
  std::optional<RedisPublisher> publisher;
  std::optional<RedisSubscriber> subscriber;
  const auto address = parse_redis_url(server.url()).value();
  loop.run([&] {
    publisher.emplace(loop.io, address, [&](bool, std::string_view) {
      publisher->publish("channel", text("first"));
      publisher->publish("channel", text("second"));
    });
    subscriber.emplace(
        loop.io, address, "channel",
        [&](std::string_view m) {
          messages.add(std::string(m));
          subscriber.reset();
        },
        [&](bool, std::string_view) { server.command("PUBLISH channel zeroth"); });
  });
  ASSERT_TRUE(messages.wait_for_size(1));
  loop.run([&] {
    EXPECT_FALSE(subscriber);
    publisher.reset();
  });
  EXPECT_EQ(messages.size(), 1);
}

TEST(RedisConnecting, MayOutliveTheRunOfItsLoop) {
  RedisServer server;
  Inbox states;
  asio::io_context io{1};
  RedisPublisher publisher(io, parse_redis_url(server.url()).value(), into(states));
  while (states.size() == 0) io.run_one();
  publisher.publish("channel", text("never sent"));
}

}  // namespace revoked::cache::redis_redistest
