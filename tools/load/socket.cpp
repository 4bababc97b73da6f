#include "tools/load/socket.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace revoked::load {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Socket::~Socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Socket::Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

Socket Socket::connect(const Url& url) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found); code != 0) {
    throw std::runtime_error(url.host + ": " + ::gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  Socket socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.descriptor_, found->ai_addr, found->ai_addrlen) != 0) {
    fail("cannot connect to port " + url.port);
  }
  const int on = 1;
  ::setsockopt(socket.descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

Socket Socket::connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error(path + " is too long for a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("cannot connect to " + path);
  }
  return socket;
}

void Socket::set_nonblocking() { ::fcntl(descriptor_, F_SETFL, ::fcntl(descriptor_, F_GETFL) | O_NONBLOCK); }

void Socket::send_all(std::string_view bytes) {
  while (!bytes.empty()) bytes.remove_prefix(send_some(bytes));
}

std::size_t Socket::send_some(std::string_view bytes) {
  const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN || errno == EINTR) return 0;
  fail("sending");
}

std::size_t Socket::receive_some(std::span<char> into) {
  const auto received = ::recv(descriptor_, into.data(), into.size(), 0);
  if (received > 0) return static_cast<std::size_t>(received);
  if (received == 0) throw std::runtime_error("the server closed a connection");
  if (errno == EAGAIN || errno == EINTR) return 0;
  fail("receiving");
}

Poller::Poller() : descriptor_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (descriptor_ < 0) fail("epoll_create1");
  ::prctl(PR_SET_TIMERSLACK, 1);  // otherwise the kernel wakes us up to 50 µs late
}

Poller::~Poller() { ::close(descriptor_); }

void Poller::add(const Socket& socket, std::uint32_t number) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.u32 = number;
  if (::epoll_ctl(descriptor_, EPOLL_CTL_ADD, socket.descriptor(), &event) != 0) fail("epoll_ctl");
}

const std::vector<std::uint32_t>& Poller::wait(Clock::time_point until) {
  const auto left =
      std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(until - Clock::now())).count();
  const timespec limit{left / 1'000'000'000, left % 1'000'000'000};
  std::array<epoll_event, 256> events;
  const int count =
      ::epoll_pwait2(descriptor_, events.data(), static_cast<int>(events.size()), &limit, nullptr);
  if (count < 0 && errno != EINTR) fail("epoll_pwait2");
  ready_.clear();
  for (int i = 0; i < count; ++i) ready_.push_back(events[static_cast<std::size_t>(i)].data.u32);
  return ready_;
}

}  // namespace revoked::load
