#pragma once
// What the program tells systemd when that has started it with Type=notify (sd_notify(3), without its
// library): datagrams to the Unix socket in $NOTIFY_SOCKET. Without one nothing is sent. Any thread.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace revoked::tools {

class Systemd {
 public:
  // Reads the environment. Throws ConfigurationError if $NOTIFY_SOCKET is no address of a socket.
  Systemd();
  ~Systemd();
  Systemd(const Systemd&) = delete;
  Systemd& operator=(const Systemd&) = delete;

  bool listens() const { return socket_ >= 0; }
  // How long it waits for works() before it restarts the program. Empty: it does not.
  std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

  // The status is one line for people. While the program starts, each call grants `more` time to become
  // ready.
  void is_loading(std::string_view status, std::chrono::microseconds more);
  void is_ready(std::string_view status);
  void works(std::string_view status);
  void shows(std::string_view status);  // says no more than that
  void stops();

 private:
  void send(const std::string& message);

  int socket_ = -1;
  std::optional<std::chrono::microseconds> watchdog_;
};

}  // namespace revoked::tools
