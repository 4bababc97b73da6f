#pragma once
// HTTPS of a program: its options, and the files of its certificate, which are read again when they change.

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "cache/wire/asio.hpp"
#include "engine/base/metrics.hpp"
#include "net/http/server_certificate.hpp"
#include "net/http/watched_file.hpp"
#include "tools/programs/program.hpp"

namespace revoked::tools {

struct TlsFiles {
  std::string certificate;  // empty: HTTP
  std::string key;
  std::string client_ca;  // empty: clients need no certificate
};

void add_tls_options(Options& options, TlsFiles& files);

// Looks at the files once a second. If the new ones cannot be used, the old certificate stays. Runs on the
// io_context's thread until it stops.
class CertificateWatch {
 public:
  // Throws ConfigurationError.
  CertificateWatch(boost::asio::io_context& io, const TlsFiles& files);

  // Null: HTTP.
  const std::shared_ptr<net::ServerCertificate>& certificate() const { return certificate_; }
  // Nothing without a certificate.
  void add_to(engine::Metrics& metrics) const;

 private:
  static constexpr std::size_t max_file_bytes = 1 << 20;
  static constexpr std::chrono::seconds look_every{1};
  static constexpr std::chrono::hours new_ticket_keys_every{12};

  struct File {
    net::WatchedFile file;
    std::string text;
    boost::system::error_code error;
  };

  bool read();  // whether a file has changed
  void load();
  void look();
  void wait();

  std::array<File, 3> files_;  // certificate, key, CA of the clients
  std::shared_ptr<net::ServerCertificate> certificate_;
  cache::Timer timer_;
  std::chrono::steady_clock::time_point loaded_at_;
  bool has_failed_ = false;  // and is tried once more
};

}  // namespace revoked::tools
