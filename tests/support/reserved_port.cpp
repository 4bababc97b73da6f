#include "tests/support/reserved_port.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <random>
#include <stdexcept>

#include "tests/support/loopback.hpp"

namespace revoked::test {
namespace {

// A name in the abstract Unix namespace: it is released with its process, however that ends.
int lock_name(std::uint16_t port) {
  const int lock = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (lock < 0) throw std::runtime_error("socket(AF_UNIX) failed");
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const int length = std::snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "revoked-test-port-%u", port);
  const auto size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + static_cast<std::size_t>(length));
  if (::bind(lock, reinterpret_cast<sockaddr*>(&name), size) == 0) return lock;
  ::close(lock);
  return -1;
}

bool is_free(std::uint16_t port) {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);  // a port in TIME_WAIT is free
  auto address = loopback(port);
  const bool free = ::bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(probe);
  return free;
}

}  // namespace

ReservedPort::ReservedPort() {
  std::random_device random;
  std::uniform_int_distribution<unsigned> ports(20'000, 32'000);
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const auto port = static_cast<std::uint16_t>(ports(random));
    const int lock = lock_name(port);
    if (lock < 0) continue;
    if (is_free(port)) {
      number_ = port;
      lock_ = lock;
      return;
    }
    ::close(lock);
  }
  throw std::runtime_error("no free port between 20000 and 32000");
}

ReservedPort::~ReservedPort() { ::close(lock_); }

}  // namespace revoked::test
