// A peer that speaks another protocol, or another version of Redis, only loses its connection.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>

#include "cache/bus/redis.hpp"
#include "tests/cache/bus/loop.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/loopback.hpp"

namespace revoked::cache::redis_bytes_test {

using test::eventually;
using test::Loop;
using namespace std::chrono_literals;

// Answers the first bytes of each connection with the next of the given answers, later connections with the
// last one, and keeps connections open until destroyed.
class AnyPeer {
 public:
  explicit AnyPeer(std::vector<std::string> answers) : answers_(std::move(answers)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = revoked::test::loopback(0);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 128) != 0)
      throw std::runtime_error("cannot listen");
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~AnyPeer() {
    stopping_ = true;
    thread_.join();
    for (const int socket : sockets_) ::close(socket);
    ::close(listener_);
  }
  RedisAddress address() const {
    return parse_redis_url("redis://127.0.0.1:" + std::to_string(port_)).value();
  }
  std::size_t connections() const { return connections_; }

 private:
  void serve() {
    while (!stopping_) {
      pollfd poll_for{listener_, POLLIN, 0};
      if (::poll(&poll_for, 1, 10) <= 0) continue;
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) continue;
      sockets_.push_back(socket);
      pollfd readable{socket, POLLIN, 0};
      char bytes[4096];
      if (::poll(&readable, 1, 5000) > 0) ::recv(socket, bytes, sizeof bytes, 0);
      const auto& answer = answers_[std::min<std::size_t>(connections_, answers_.size() - 1)];
      ::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL);
      ++connections_;
    }
  }

  std::vector<std::string> answers_;
  int listener_;
  std::uint16_t port_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> connections_{0};
  std::vector<int> sockets_;
  std::thread thread_;
};

const std::string subscribed = "*3\r\n$9\r\nsubscribe\r\n$7\r\nchannel\r\n:1\r\n";
const std::string message = "*3\r\n$7\r\nmessage\r\n$7\r\nchannel\r\n$5\r\nhello\r\n";

// Expects a subscriber that receives these bytes first to reconnect and receive the next peer's message.
void expect_recovery(const std::vector<std::string>& bad) {
  auto answers = bad;
  answers.push_back(subscribed + message);
  AnyPeer peer(answers);
  Loop loop;
  std::atomic<int> received{0};
  std::optional<RedisSubscriber> subscriber;
  loop.run([&] {
    subscriber.emplace(
        loop.io, peer.address(), "channel", [&](std::string_view text) { received += text == "hello"; },
        [](bool, std::string_view) {});
  });
  EXPECT_TRUE(eventually([&] { return received > 0 && peer.connections() > bad.size(); }));
  loop.run([&] { subscriber.reset(); });
}

class BadSubscription : public testing::TestWithParam<std::string> {};

TEST_P(BadSubscription, CostsTheConnectionOnly) {
  expect_recovery({GetParam(), subscribed + GetParam(), subscribed + message + GetParam()});
}

const std::string unsubscribe = "*3\r\n$11\r\nunsubscribe\r\n$7\r\nchannel\r\n:0\r\n";
INSTANTIATE_TEST_SUITE_P(RedisBytes, BadSubscription,
                         testing::Values("*0\r\n", "*-1\r\n", "$-1\r\n", ":1\r\n", "+OK\r\n", "-ERR no\r\n",
                                         "*3\r\n:1\r\n:2\r\n:3\r\n", "*3\r\n$-1\r\n$-1\r\n$-1\r\n",
                                         unsubscribe + unsubscribe, "*1\r\n$7\r\nmessage\r\n",
                                         "*3\r\n$7\r\nmessage\r\n$7\r\nchannel\r\n:1\r\n",
                                         "*3\r\n$7\r\nmessage\r\n$5\r\nother\r\n$1\r\nx\r\n",
                                         "*3\r\n$9\r\nsubscribe\r\n$5\r\nother\r\n:1\r\n",
                                         "*3\r\n*1\r\n:1\r\n:2\r\n:3\r\n", "*2147483647\r\n",
                                         "$2147483647\r\nabc" + std::string(2 << 20, 'x'), "nonsense\r\n",
                                         "\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"));

class BadPublishing : public testing::TestWithParam<std::string> {};

TEST_P(BadPublishing, CostsTheConnectionOnly) {
  AnyPeer peer({GetParam(), "+PONG\r\n" + GetParam(), "+PONG\r\n"});
  Loop loop;
  std::optional<RedisPublisher> publisher;
  loop.run([&] { publisher.emplace(loop.io, peer.address(), [](bool, std::string_view) {}); });
  EXPECT_TRUE(eventually([&] { return peer.connections() == 3 && publisher->is_connected(); }));
  loop.run([&] { publisher.reset(); });
}

INSTANTIATE_TEST_SUITE_P(RedisBytes, BadPublishing,
                         testing::Values("*0\r\n", ":1\r\n", "-ERR no\r\n", "*3\r\n:1\r\n:2\r\n:3\r\n",
                                         "$-1\r\n", message, "nonsense\r\n"));

TEST(RedisBytes, NoneEndTheProcess) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string pieces[] = {"*0\r\n",
                                "*3\r\n",
                                "*2\r\n",
                                "$7\r\n",
                                "$-1\r\n",
                                ":1\r\n",
                                "message\r\n",
                                "$7\r\nmessage\r\n",
                                "$7\r\nchannel\r\n",
                                "subscribe\r\n",
                                "+OK\r\n",
                                "-ERR\r\n",
                                "\r\n",
                                subscribed,
                                message};
  std::vector<std::string> answers;
  for (int i = 0; i < 4; ++i) {
    std::string bytes = i % 2 == 0 ? subscribed : "";
    for (auto left = 1 + random() % 20; left > 0; --left) bytes += pieces[random() % std::size(pieces)];
    answers.push_back(bytes + std::string(64, '!'));
  }
  expect_recovery(answers);
}

}  // namespace revoked::cache::redis_bytes_test
