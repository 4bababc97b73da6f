#pragma once
// TLS of a blocking client socket, for tests.

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

struct ssl_ctx_st;
struct ssl_st;
struct ssl_session_st;

namespace revoked::test {

struct TlsPeer {
  std::string ca;           // PEM: the server's certificate must be of it
  std::string certificate;  // PEM: of the client; empty: none
  std::string key;
  bool old_version = false;                   // TLS 1.1 at most, with the ciphers of its time
  bool tls_1_2 = false;                       // at most
  std::string protocols{};                    // ALPN, in wire format; empty: not sent
  std::shared_ptr<ssl_session_st> session{};  // to be resumed
};

class TlsFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class TlsChannel {
 public:
  // Does the handshake. The socket is closed by its owner. Throws TlsFailed.
  TlsChannel(int socket, const TlsPeer& peer);

  void send(std::string_view bytes);  // throws TlsFailed
  std::size_t receive(char* into,
                      std::size_t size);  // 0: the peer has said that it has ended. Throws TlsFailed
  bool has_unread() const;                // receive() will not wait
  void end_sending();                     // says so to the peer
  void update_key();                      // sends a record without data

  bool is_resumed() const;
  std::string version() const;
  std::string protocol() const;  // by ALPN
  std::shared_ptr<ssl_session_st> session() const;

 private:
  [[noreturn]] void fail(const char* what, int returned);

  std::shared_ptr<ssl_ctx_st> context_;
  std::shared_ptr<ssl_st> connection_;
};

}  // namespace revoked::test
