#pragma once
// TLS 1.2 and 1.3 of outgoing connections (OpenSSL): whom they trust, who they are, and that the peer is the
// host that was asked for. The handshake and the I/O are the caller's: over asio::ssl::stream, which takes
// over the `ssl_st`, or over BIOs in memory.
//
// A TlsClient is used by one thread, and outlives its connections.

#include <map>
#include <memory>
#include <string>

#include "cache/wire/asio.hpp"

struct ssl_ctx_st;      // OpenSSL's SSL_CTX
struct ssl_session_st;  // SSL_SESSION
struct ssl_st;          // SSL

namespace revoked::cache {

struct TlsDeleter {
  void operator()(ssl_ctx_st* context) const noexcept;
  void operator()(ssl_session_st* session) const noexcept;
  void operator()(ssl_st* connection) const noexcept;
};
using TlsConnection = std::unique_ptr<ssl_st, TlsDeleter>;

// What both sides of a connection have in common: TLS 1.2 and up, forward secrecy, authenticated encryption,
// no compression, no renegotiation.
struct TlsDefaults {
  static constexpr const char* ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";  // of TLS 1.2
  static void set(ssl_ctx_st& context);
};

struct TlsClientOptions {
  std::string ca_file;           // PEM: each certificate in it is trusted. Empty: the system's store
  std::string certificate_file;  // PEM: our certificate and those between it and the CA. Empty: none
  std::string key_file;          // PEM: the private key of the certificate
};

class TlsClient {
 public:
  // Reads the files. Throws std::runtime_error, whose text names the file.
  explicit TlsClient(const TlsClientOptions& options);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // A connection, before its handshake, to a peer whose certificate must be valid for `host`, a name or an
  // address (RFC 9525). It resumes the last session with that host. Throws std::bad_alloc.
  TlsConnection connection_to(const std::string& host);

 private:
  static constexpr std::size_t max_sessions = 16;  // hosts

  static int keep_session(ssl_st* connection, ssl_session_st* session);

  std::unique_ptr<ssl_ctx_st, TlsDeleter> context_;
  std::map<std::string, std::unique_ptr<ssl_session_st, TlsDeleter>> sessions_;
};

// Why the handshake ended with `error`: what is wrong with the peer's certificate, if that is it.
std::string tls_failure(const ssl_st& connection, error_code error);
// What OpenSSL says about the last failed call on this thread; empties its list of errors.
std::string last_tls_error();

}  // namespace revoked::cache
