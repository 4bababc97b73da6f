#pragma once
// TLS of one server connection, between the socket and the connection's buffers. Reads and writes without
// waiting, and uses what the connection knows of its socket: no system call that would only say "not yet". On
// the network thread only.

#include <cstddef>
#include <string>

#include "cache/wire/tls.hpp"
#include "net/http/socket_events.hpp"

namespace revoked::net {

class TlsSession {
 public:
  // `socket` does not block, and is closed by its owner, after this. `state` outlives this.
  TlsSession(cache::TlsConnection connection, int socket, SocketState& state);
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Result {
    done,
    waits,   // until the socket is readable, or writable if waits_for_output()
    ended,   // the peer has closed
    failed,  // the peer does not speak TLS, or other than we do: see why_failed()
  };
  // Once it is done, is_established().
  Result handshake();
  // Up to `size` bytes, their number in `read_bytes`.
  Result read(void* into, std::size_t size, std::size_t& read_bytes);
  // At least one byte, their number in `written_bytes`. After `waits` the same bytes must come first.
  Result write(const char* from, std::size_t size, std::size_t& written_bytes);

  bool is_established() const { return established_; }
  // read() may return more even if nothing arrives.
  bool has_more() const { return has_more_; }
  bool waits_for_output() const { return waits_for_output_; }
  const std::string& why_failed() const { return failure_; }

  // Tells the peer that nothing follows, so that it knows that nothing was cut off. Once, and only after
  // whole responses.
  void end();

  // Memory that it holds, roughly.
  std::size_t held_bytes() const { return established_ ? idle_bytes : handshake_bytes; }

 private:
  static constexpr std::size_t idle_bytes = 16 << 10;
  static constexpr std::size_t handshake_bytes = 32 << 10;
  static constexpr int max_empty_reads = 8;  // in a row, of key updates and the like

  friend struct SocketBio;

  Result result_of(int returned);
  Result fail(std::string why);

  cache::TlsConnection connection_;
  int socket_;
  SocketState& state_;
  bool established_ = false;
  bool has_more_ = false;
  bool waits_for_output_ = false;
  bool is_starved_ = false;  // the last read found an empty socket
  std::string failure_;
};

}  // namespace revoked::net
