#pragma once
// Sockets of the load generator: TCP, with or without TLS, or UNIX; without buffering. Failures throw: an
// aborted load is not a measurement. Not thread-safe.

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/load/request.hpp"

struct ssl_st;  // OpenSSL's SSL

namespace revoked::load {

using Clock = std::chrono::steady_clock;

class Socket {
 public:
  Socket() = default;
  ~Socket();
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;

  // With TCP_NODELAY. The certificate of an encrypted server is not checked.
  static Socket connect(const Url& url);
  static Socket connect_unix(const std::string& path);

  int descriptor() const { return descriptor_; }
  bool is_encrypted() const { return tls_ != nullptr; }
  void set_nonblocking();
  void send_all(std::string_view bytes);  // blocking sockets only
  // Return the bytes sent or received; 0 if it would block. Throw at the end of the stream.
  std::size_t send_some(std::string_view bytes);
  std::size_t receive_some(std::span<char> into);

 private:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  void begin_tls();
  std::size_t moved_by_tls(int returned) const;

  int descriptor_ = -1;
  std::shared_ptr<ssl_st> tls_;  // null: not encrypted
};

// Waits for sockets (not owned) and for a time, with microsecond precision.
class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Edge-triggered: read or write until it would block.
  void add(const Socket& socket, std::uint32_t number);
  // The numbers of the sockets with events; empty at `until`. Valid until the next call.
  const std::vector<std::uint32_t>& wait(Clock::time_point until);

 private:
  int descriptor_ = -1;
  std::vector<std::uint32_t> ready_;
};

}  // namespace revoked::load
