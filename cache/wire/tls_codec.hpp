#pragma once
// One TLS connection of a client without its socket: turns the peer's bytes into what it said, and what we
// say into bytes for the peer. No I/O. On the thread of its TlsClient.

#include <string>
#include <string_view>

#include "cache/wire/tls.hpp"

namespace revoked::cache {

class TlsCodec {
 public:
  // Begins the handshake.
  explicit TlsCodec(TlsConnection connection);

  bool is_established() const;  // the handshake is over: the peer is who it should be
  // Appends what the peer said to `said`. False: the connection has ended, failure() says why.
  bool receive(std::string_view bytes, std::string& said);
  // Once established. False: as above.
  bool send(std::string_view text);
  // Bytes for the peer; the caller takes them out. After a failure the alert that tells the peer.
  std::string& output() { return output_; }
  const std::string& failure() const { return failure_; }

 private:
  bool shake_hands();
  bool read(std::string& said);
  bool go_on(int result);
  void take_output();

  const TlsConnection connection_;
  std::string output_;
  std::string failure_;
};

}  // namespace revoked::cache
