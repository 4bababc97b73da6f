#include "tests/support/acceptor.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "tests/support/loopback.hpp"

namespace revoked::test {

Acceptor::Acceptor(std::function<void(int)> accepted, std::uint16_t port, const std::string& address_text)
    : accepted_(std::move(accepted)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  auto address = loopback(port);
  socklen_t size = sizeof address;
  if (::inet_pton(AF_INET, address_text.c_str(), &address.sin_addr) != 1 ||
      ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 1024) != 0) {
    ::close(listener_);
    throw std::runtime_error("cannot listen on " + address_text);
  }
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

void Acceptor::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);  // ends accept4()
  thread_.join();
  ::close(listener_);
}

void Acceptor::run() {
  while (!stopping_) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    accepted_(socket);
  }
}

}  // namespace revoked::test
