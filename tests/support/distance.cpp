#include "tests/support/distance.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <string>

#include "tests/support/loopback.hpp"

namespace revoked::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int poll_ms = 20;

bool send_all(int socket, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const auto n = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

Distance::Distance(std::uint16_t server_port, std::chrono::milliseconds one_way)
    : server_port_(server_port), one_way_(one_way) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 128) != 0)
    throw std::runtime_error("cannot listen");
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

Distance::~Distance() {
  stopping_ = true;
  acceptor_.join();
  for (auto& thread : threads_) thread.join();
  for (const int socket : sockets_) ::close(socket);
  ::close(listener_);
}

void Distance::accept_all() {
  while (!stopping_) {
    pollfd poll_for{listener_, POLLIN, 0};
    if (::poll(&poll_for, 1, poll_ms) <= 0) continue;
    const int near = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (near < 0) continue;
    const int far = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto server = loopback(server_port_);
    const std::lock_guard lock(mutex_);
    sockets_.insert(sockets_.end(), {near, far});
    if (::connect(far, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) {
      ::shutdown(near, SHUT_RDWR);
      continue;
    }
    const int on = 1;
    for (const int socket : {near, far}) ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    threads_.emplace_back([this, near, far] { pass_on(near, far); });
    threads_.emplace_back([this, near, far] { pass_on(far, near); });
  }
}

void Distance::pass_on(int from, int to) {
  std::deque<std::pair<Clock::time_point, std::string>> under_way;
  char chunk[64 << 10];
  bool has_ended = false;
  while (!stopping_ && (!has_ended || !under_way.empty())) {
    auto wait = std::chrono::milliseconds(poll_ms);
    if (!under_way.empty()) {
      const auto left = under_way.front().first - Clock::now();
      wait =
          std::clamp(std::chrono::ceil<std::chrono::milliseconds>(left), std::chrono::milliseconds(0), wait);
    }
    pollfd poll_for{has_ended ? -1 : from, POLLIN, 0};
    if (::poll(&poll_for, 1, static_cast<int>(wait.count())) > 0) {
      const auto n = ::recv(from, chunk, sizeof chunk, 0);
      has_ended = n <= 0;
      if (n > 0)
        under_way.emplace_back(Clock::now() + one_way_, std::string(chunk, static_cast<std::size_t>(n)));
    }
    while (!under_way.empty() && under_way.front().first <= Clock::now()) {
      if (!send_all(to, under_way.front().second)) return;
      under_way.pop_front();
    }
  }
  ::shutdown(to, SHUT_WR);
}

}  // namespace revoked::test
