#pragma once
// The certificate of an HTTPS server, which may be replaced while the server runs, and what its connections
// may use: TLS 1.2 and 1.3, HTTP/1.1. From any thread.

#include <memory>
#include <string>

#include "cache/wire/tls.hpp"
#include "engine/base/mutex.hpp"
#include "engine/base/time.hpp"

namespace revoked::net {

class ServerCertificate {
 public:
  // In PEM.
  struct Texts {
    std::string chain;      // the certificate, then those between it and the CA
    std::string key;        // its private key, not encrypted
    std::string client_ca;  // clients must show a certificate of one of these; empty: they need none
  };

  // Throws std::runtime_error, which says what is wrong.
  explicit ServerCertificate(const Texts& texts);

  // For connections from now on; those that are open continue. Sessions from before are not resumed. Throws
  // like the constructor, and changes nothing then.
  void replace(const Texts& texts);

  // The server's side of a connection, before its handshake. Throws std::bad_alloc.
  cache::TlsConnection new_connection() const;

  // Of the certificate.
  std::string subject() const;
  std::string not_after() const;
  engine::UnixMs expires_at() const;
  bool is_expired() const;

 private:
  using Context = std::unique_ptr<ssl_ctx_st, cache::TlsDeleter>;

  static Context make_context(const Texts& texts);

  mutable engine::Mutex<engine::lone_level> mutex_;
  Context context_ REVOKED_GUARDED_BY(mutex_);
};

}  // namespace revoked::net
