#include "tests/support/distance.hpp"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
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
    : server_port_(server_port), one_way_(one_way) {}

Distance::~Distance() {
  stopping_ = true;
  acceptor_.stop();
  for (auto& thread : threads_) thread.join();
  for (const int socket : sockets_) ::close(socket);
}

void Distance::forward(int near) {
  const int far = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto server = loopback(server_port_);
  const std::lock_guard lock(mutex_);
  sockets_.insert(sockets_.end(), {near, far});
  if (::connect(far, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) {
    ::shutdown(near, SHUT_RDWR);
    return;
  }
  const int on = 1;
  ::setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  threads_.emplace_back([this, near, far] { pass_on(near, far); });
  threads_.emplace_back([this, near, far] { pass_on(far, near); });
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
