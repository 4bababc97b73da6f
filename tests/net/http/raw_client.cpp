#include "tests/net/http/raw_client.hpp"

#include <utility>

#include "tests/support/loopback.hpp"

namespace revoked::net::test {

std::size_t count(std::string_view text, std::string_view piece) {
  std::size_t times = 0;
  for (auto at = text.find(piece); at != text.npos; at = text.find(piece, at + piece.size())) ++times;
  return times;
}

RawClient::RawClient(std::uint16_t port, int receive_buffer) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  const int yes = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (receive_buffer != 0)
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  auto address = revoked::test::loopback(port);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    throw std::runtime_error("connection refused");
  }
}

RawClient::~RawClient() { ::close(socket_); }

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto size = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

void RawClient::end_sending() { ::shutdown(socket_, SHUT_WR); }

std::string RawClient::read_through(std::string_view text) {
  std::size_t at = 0;
  while ((at = unread_.find(text)) == std::string::npos && read_some(20s)) {
  }
  const auto size = at == std::string::npos ? unread_.size() : at + text.size();
  auto taken = unread_.substr(0, size);
  unread_.erase(0, size);
  return taken;
}

std::string RawClient::read_to_end() {
  while (read_some(20s)) {
  }
  return std::exchange(unread_, {});
}

std::string RawClient::read_at_most(std::size_t bytes) {
  if (unread_.empty()) read_some(20s);
  auto taken = unread_.substr(0, bytes);
  unread_.erase(0, bytes);
  return taken;
}

bool RawClient::is_silent_for(std::chrono::milliseconds time) {
  return unread_.empty() && !closed_ && !is_readable(time);
}

bool RawClient::is_closed_silently() { return unread_.empty() && !read_some(20s) && closed_; }

bool RawClient::was_reset() const {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == ECONNRESET || error == EPIPE;  // EPIPE: after its end
}

bool RawClient::is_readable(std::chrono::milliseconds time) {
  pollfd ready{socket_, POLLIN, 0};
  return ::poll(&ready, 1, static_cast<int>(time.count())) > 0;
}

bool RawClient::read_some(std::chrono::milliseconds time) {
  if (closed_ || !is_readable(time)) return false;
  char buffer[65536];
  const auto size = ::recv(socket_, buffer, sizeof buffer, 0);
  closed_ = size <= 0;
  if (size > 0) unread_.append(buffer, static_cast<std::size_t>(size));
  return size > 0;
}

}  // namespace revoked::net::test
