#pragma once
// A socket to 127.0.0.1 that knows no HTTP: for bytes in odd pieces, and for checking what does not arrive.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/support/eventually.hpp"

namespace revoked::net::test {

using namespace std::chrono_literals;

class RawClient {
 public:
  // `receive_buffer`: of the socket, in bytes; 0: the system's default.
  explicit RawClient(std::uint16_t port, int receive_buffer = 0);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False: the peer has closed.
  bool send(std::string_view bytes);
  void end_sending();

  // Reads until `text` has arrived (again, after what earlier calls took) and takes everything up to its end;
  // everything so far if the peer closes first, or nothing arrives.
  std::string read_through(std::string_view text);
  // Everything until the peer closes. Check was_closed().
  std::string read_to_end();
  bool was_closed() const { return closed_; }
  // Whether the peer has reset the connection, if no read or send has told so before.
  bool was_reset() const;
  // What has arrived or arrives next.
  std::string read_at_most(std::size_t bytes);

  bool is_silent_for(std::chrono::milliseconds time);
  // Whether the peer closes the connection before it sends another byte.
  bool is_closed_silently();

 private:
  bool is_readable(std::chrono::milliseconds time);
  bool read_some(std::chrono::milliseconds time);

  int socket_;
  std::string unread_;
  bool closed_ = false;
};

std::size_t count(std::string_view text, std::string_view piece);

}  // namespace revoked::net::test
