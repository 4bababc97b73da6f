// From the first attempt to a connection that is ready for use, or stopped before.
#include <chrono>
#include <thread>

#include "tests/cache/bus/redis_bus.hpp"

namespace revoked::cache::redis_connecting_redistest {

using namespace std::chrono_literals;
using test::Inbox;
using test::into;
using test::Loop;
using test::RedisServer;
using test::text;
using test::wait_for_ups;

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
  std::this_thread::sleep_for(500ms);  // at least three more attempts (Backoff), which nobody can see
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
    if (microseconds % 100) address.servers.at(0).host = "localhost";
    loop.run([&] {
      publisher.emplace(loop.io, address, into(states));
      subscriber.emplace(
          loop.io, address, "channel", [](std::string_view) {}, into(states));
    });
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));  // the moment
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

}  // namespace revoked::cache::redis_connecting_redistest
