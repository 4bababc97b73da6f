#include "tools/load/socket.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
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

Socket::Socket(Socket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), tls_(std::move(other.tls_)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(tls_, other.tls_);
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
  if (url.is_encrypted) socket.begin_tls();
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

void Socket::begin_tls() {
  static const std::shared_ptr<SSL_CTX> context = [] {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    std::shared_ptr<SSL_CTX> made(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_mode(made.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(made.get(), 1);
    return made;
  }();
  tls_.reset(SSL_new(context.get()), SSL_free);
  SSL_set_fd(tls_.get(), descriptor_);
  if (SSL_connect(tls_.get()) != 1) throw std::runtime_error("the TLS handshake failed");
}

// 0 if it would block.
std::size_t Socket::moved_by_tls(int returned) const {
  if (returned > 0) return static_cast<std::size_t>(returned);
  const int error = SSL_get_error(tls_.get(), returned);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
    throw std::runtime_error("the server closed a connection");
  return 0;
}

std::size_t Socket::send_some(std::string_view bytes) {
  if (tls_) return moved_by_tls(SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())));
  const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN || errno == EINTR) return 0;
  fail("sending");
}

std::size_t Socket::receive_some(std::span<char> into) {
  if (tls_) return moved_by_tls(SSL_read(tls_.get(), into.data(), static_cast<int>(into.size())));
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
