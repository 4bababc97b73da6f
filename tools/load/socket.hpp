#pragma once
// The sockets of a load generator: TCP or UNIX, with nothing between us and the kernel. Failures are
// exceptions: a load that broke off measured nothing. Not for several threads.

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/load/request.hpp"

namespace revoked::load {

using Clock = std::chrono::steady_clock;

class Socket {
 public:
  Socket() = default;
  ~Socket();
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;

  static Socket connect(const Url& url);  // without Nagle's delay
  static Socket connect_unix(const std::string& path);

  int descriptor() const { return descriptor_; }
  void set_nonblocking();
  void send_all(std::string_view bytes);  // of a blocking socket
  // How many bytes were taken or came; 0 where it would block. Throws at the end of the stream.
  std::size_t send_some(std::string_view bytes);
  std::size_t receive_some(std::span<char> into);

 private:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

// Waits for sockets, which it does not own, and for a point in time, exact to microseconds.
class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Says once what becomes possible (edge-triggered): read or write until it would block.
  void add(const Socket& socket, std::uint32_t number);
  // The numbers of the sockets that something happened to; none when `until` has come. Valid until the next
  // call.
  const std::vector<std::uint32_t>& wait(Clock::time_point until);

 private:
  int descriptor_ = -1;
  std::vector<std::uint32_t> ready_;
};

}  // namespace revoked::load
