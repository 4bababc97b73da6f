#include "tests/support/redis_connection.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include "tests/support/loopback.hpp"

namespace revoked::test {
namespace {

constexpr std::string_view unix_scheme = "unix://";
constexpr std::string_view tcp_scheme = "redis://";

int connect_to(const std::string& url) {
  if (url.starts_with(unix_scheme)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, url.c_str() + unix_scheme.size(), sizeof address.sun_path - 1);
    const int out = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(out, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return out;
    ::close(out);
  } else if (url.starts_with(tcp_scheme)) {
    const auto colon = url.rfind(':');
    auto address = loopback(static_cast<std::uint16_t>(std::stoi(url.substr(colon + 1))));
    const int out = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(out, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return out;
    ::close(out);
  }
  throw std::runtime_error("cannot connect to " + url);
}

}  // namespace

RedisConnection::RedisConnection(const std::string& url, std::chrono::milliseconds timeout)
    : socket_(connect_to(url)), timeout_(timeout) {}

RedisConnection::~RedisConnection() { ::close(socket_); }

void RedisConnection::send(const std::vector<std::string>& words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const auto& word : words) out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  if (::send(socket_, out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size())) {
    throw std::runtime_error("cannot send to Redis");
  }
}

RedisReply RedisConnection::command(const std::vector<std::string>& words) {
  send(words);
  return receive();
}

bool RedisConnection::read_more(std::chrono::milliseconds limit) {
  pollfd ready{socket_, POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(limit.count())) <= 0) return false;
  char buffer[65536];
  const ssize_t size = ::recv(socket_, buffer, sizeof buffer, 0);
  if (size <= 0) throw std::runtime_error("Redis closed the connection");
  unread_.append(buffer, static_cast<std::size_t>(size));
  return true;
}

std::string RedisConnection::take_line() {
  for (;;) {
    if (const auto end = unread_.find("\r\n"); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 2);
      return line;
    }
    if (!read_more(timeout_)) throw std::runtime_error("Redis did not answer in time");
  }
}

RedisReply RedisConnection::receive_any() {
  const std::string line = take_line();
  RedisReply reply{line.empty() ? '\0' : line[0], line.empty() ? "" : line.substr(1), {}};
  if (reply.type != '$' && reply.type != '*') return reply;
  const int size = std::stoi(reply.text);
  reply.text.clear();
  if (size < 0) {
    reply.type = '\0';
  } else if (reply.type == '*') {
    for (int i = 0; i < size; ++i) reply.items.push_back(receive_any());
  } else {
    const std::size_t wanted = static_cast<std::size_t>(size) + 2;
    while (unread_.size() < wanted) {
      if (!read_more(timeout_)) throw std::runtime_error("Redis did not answer in time");
    }
    reply.text = unread_.substr(0, wanted - 2);
    unread_.erase(0, wanted);
  }
  return reply;
}

RedisReply RedisConnection::receive() { return receive_any(); }

std::optional<std::string> RedisConnection::next_message(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (unread_.empty() && (left.count() <= 0 || !read_more(left))) return std::nullopt;
    RedisReply reply = receive_any();
    if (reply.items.size() == 3 && reply.items[0].text == "message") return reply.items[2].text;
  }
}

}  // namespace revoked::test
