#include "tools/programs/systemd.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "net/http/log.hpp"
#include "tools/programs/program.hpp"

namespace revoked::tools {
namespace {

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets variables
  return value == nullptr ? std::string_view() : value;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) return {};
  return value;
}

// Not for us if another process is named.
std::optional<std::chrono::microseconds> watchdog_of_this_process() {
  const auto pid = variable("WATCHDOG_PID");
  const auto usec = number(variable("WATCHDOG_USEC"));
  if (!usec || *usec == 0 || (!pid.empty() && number(pid) != static_cast<std::uint64_t>(::getpid())))
    return {};
  return std::chrono::microseconds(*usec);
}

// A line break would begin another assignment.
std::string one_line(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c == '\n') c = ' ';
  return out;
}

}  // namespace

Systemd::Systemd() {
  const auto name = variable("NOTIFY_SOCKET");
  if (name.empty()) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if ((name[0] != '/' && name[0] != '@') || name.size() >= sizeof address.sun_path)
    throw ConfigurationError("NOTIFY_SOCKET is neither a path nor an abstract name of a Unix socket");
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';  // an abstract name: its length ends it
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0 || ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    const auto why = std::generic_category().message(errno);
    if (socket_ >= 0) ::close(socket_);
    throw ConfigurationError("cannot connect to NOTIFY_SOCKET: " + why);
  }
  watchdog_ = watchdog_of_this_process();
}

Systemd::~Systemd() {
  if (socket_ >= 0) ::close(socket_);
}

void Systemd::is_loading(std::string_view status, std::chrono::microseconds more) {
  send("EXTEND_TIMEOUT_USEC=" + std::to_string(more.count()) + "\nSTATUS=" + one_line(status));
}

void Systemd::is_ready(std::string_view status) { send("READY=1\nSTATUS=" + one_line(status)); }

void Systemd::works(std::string_view status) { send("WATCHDOG=1\nSTATUS=" + one_line(status)); }

void Systemd::shows(std::string_view status) { send("STATUS=" + one_line(status)); }

void Systemd::stops() { send("STOPPING=1\nSTATUS=finishing requests"); }

void Systemd::send(const std::string& message) {
  if (socket_ < 0) return;
  if (::send(socket_, message.data(), message.size(), MSG_NOSIGNAL) < 0) {
    net::log(net::Level::warning, "cannot notify systemd",
             {{"reason", std::generic_category().message(errno)}});
  }
}

}  // namespace revoked::tools
