#pragma once
// A socket to 127.0.0.1 without any idea of HTTP: for bytes that arrive in odd pieces, and for looking at
// what does not arrive.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/support/eventually.hpp"

namespace revoked::net::test {

using namespace std::chrono_literals;

class RawClient {
 public:
  // `receive_buffer`: of the socket, in bytes; 0: as the system likes it.
  explicit RawClient(std::uint16_t port, int receive_buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const int yes = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (receive_buffer != 0)
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      ::close(socket_);
      throw std::runtime_error("connection refused");
    }
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False: the peer is gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto size = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
  }
  void end_sending() { ::shutdown(socket_, SHUT_WR); }

  // Reads until `text` has come (again, behind what earlier calls have taken) and takes everything up to its
  // end; everything there is if the peer closes first, or nothing comes.
  std::string read_through(std::string_view text) {
    std::size_t at = 0;
    while ((at = unread_.find(text)) == std::string::npos && read_some(20s)) {
    }
    const auto size = at == std::string::npos ? unread_.size() : at + text.size();
    auto taken = unread_.substr(0, size);
    unread_.erase(0, size);
    return taken;
  }
  // All that comes until the peer closes. Check was_closed().
  std::string read_to_end() {
    while (read_some(20s)) {
    }
    return std::exchange(unread_, {});
  }
  bool was_closed() const { return closed_; }
  // What has come or comes next.
  std::string read_at_most(std::size_t bytes) {
    if (unread_.empty()) read_some(20s);
    auto taken = unread_.substr(0, bytes);
    unread_.erase(0, bytes);
    return taken;
  }

  bool is_silent_for(std::chrono::milliseconds time) {
    return unread_.empty() && !closed_ && !is_readable(time);
  }
  // Whether the peer ends the connection before it sends another byte.
  bool is_closed_silently() { return unread_.empty() && !read_some(20s) && closed_; }

 private:
  bool is_readable(std::chrono::milliseconds time) {
    pollfd ready{socket_, POLLIN, 0};
    return ::poll(&ready, 1, static_cast<int>(time.count())) > 0;
  }
  bool read_some(std::chrono::milliseconds time) {
    if (closed_ || !is_readable(time)) return false;
    char buffer[65536];
    const auto size = ::recv(socket_, buffer, sizeof buffer, 0);
    closed_ = size <= 0;
    if (size > 0) unread_.append(buffer, static_cast<std::size_t>(size));
    return size > 0;
  }

  int socket_;
  std::string unread_;
  bool closed_ = false;
};

inline std::size_t count(std::string_view text, std::string_view piece) {
  std::size_t times = 0;
  for (auto at = text.find(piece); at != text.npos; at = text.find(piece, at + piece.size())) ++times;
  return times;
}

}  // namespace revoked::net::test
