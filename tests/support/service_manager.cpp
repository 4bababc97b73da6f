#include "tests/support/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <system_error>

namespace revoked::test {
namespace {

std::string new_name() {
  static std::atomic<int> made{0};
  return "@revoked-test-" + std::to_string(::getpid()) + "-" + std::to_string(++made);
}

}  // namespace

ServiceManager::ServiceManager() : ServiceManager(new_name()) {}

ServiceManager::ServiceManager(std::string name)
    : name_(std::move(name)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name_.data(), name_.size());
  if (name_[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
  if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), length) != 0)
    throw std::system_error(errno, std::generic_category(), "bind " + name_);
}

ServiceManager::~ServiceManager() { ::close(socket_); }

std::vector<std::string> ServiceManager::received() {
  std::vector<std::string> messages;
  char buffer[4096];
  for (;;) {
    const auto size = ::recv(socket_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (size < 0) return messages;
    messages.emplace_back(buffer, static_cast<std::size_t>(size));
  }
}

}  // namespace revoked::test
