#pragma once
// A server that speaks the Redis protocol, and answers each command as a test says.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cache/bus/redis.hpp"
#include "tests/cache/bus/loop.hpp"

namespace revoked::test {

class ScriptedRedis {
 public:
  using Words = std::vector<std::string>;
  // The reply as bytes; empty: none. On the server's thread.
  using Answer = std::function<std::string(const Words& command)>;

  explicit ScriptedRedis(Answer answer) : answer_(std::move(answer)), acceptor_(loop_.io) {
    const boost::asio::ip::tcp::endpoint any(boost::asio::ip::address_v4::loopback(), 0);
    acceptor_.open(any.protocol());
    acceptor_.bind(any);
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    boost::asio::co_spawn(loop_.io.get_executor(), accept(), cache::rethrow);
  }
  ~ScriptedRedis() {
    loop_.run([this] {
      acceptor_.close();
      for (auto& socket : sockets_) socket.close();
    });
    loop_.becomes_idle();
  }

  cache::RedisServer server() const { return {"127.0.0.1", port_}; }
  // All commands so far, as "WORD WORD".
  std::vector<std::string> commands() const {
    const std::lock_guard lock(mutex_);
    return commands_;
  }

 private:
  cache::Task<> accept() {
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(cache::as_result);
      if (error) co_return;
      auto& kept = sockets_.emplace_back(std::move(socket));
      boost::asio::co_spawn(loop_.io.get_executor(), serve(kept), cache::rethrow);
    }
  }
  cache::Task<> serve(cache::Socket& socket) {
    std::string unread;
    for (;;) {
      char bytes[4096];
      const auto [error, size] =
          co_await socket.async_read_some(boost::asio::buffer(bytes), cache::as_result);
      if (error) co_return;
      unread.append(bytes, size);
      std::string replies;
      for (Words words; take_command(unread, words); words.clear()) {
        note(words);
        replies += answer_(words);
      }
      const auto [failed, sent] =
          co_await boost::asio::async_write(socket, boost::asio::buffer(replies), cache::as_result);
      if (failed) co_return;
    }
  }
  // "*2\r\n$4\r\nPING\r\n..."
  static bool take_command(std::string& unread, Words& words) {
    std::size_t at = 0;
    const auto take_number = [&](char kind) {
      const auto end = unread.find("\r\n", at);
      if (end == std::string::npos || unread[at] != kind) return -1;
      const int number = std::stoi(unread.substr(at + 1, end - at - 1));
      at = end + 2;
      return number;
    };
    const int count = take_number('*');
    if (count < 0) return false;
    for (int i = 0; i < count; ++i) {
      const int size = take_number('$');
      if (size < 0 || unread.size() < at + static_cast<std::size_t>(size) + 2) return false;
      words.push_back(unread.substr(at, static_cast<std::size_t>(size)));
      at += static_cast<std::size_t>(size) + 2;
    }
    unread.erase(0, at);
    return true;
  }
  void note(const Words& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
    const std::lock_guard lock(mutex_);
    commands_.push_back(text);
  }

  const Answer answer_;
  mutable std::mutex mutex_;
  std::vector<std::string> commands_;
  Loop loop_;
  std::list<cache::Socket> sockets_;
  cache::Acceptor acceptor_;
  std::uint16_t port_ = 0;
};

}  // namespace revoked::test
