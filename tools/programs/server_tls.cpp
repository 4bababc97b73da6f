#include "tools/programs/server_tls.hpp"

#include <stdexcept>

#include "net/http/log.hpp"

namespace revoked::tools {

void add_tls_options(Options& options, TlsFiles& files) {
  options.add("--tls-cert", files.certificate,
              "PEM file with the server's certificate and those between it and its CA; none: HTTP");
  options.add("--tls-key", files.key, "PEM file with the private key of --tls-cert");
  options.add("--tls-client-ca", files.client_ca,
              "PEM file of CAs: clients must have a certificate of one of them; none: they need none");
}

CertificateWatch::CertificateWatch(boost::asio::io_context& io, const TlsFiles& files)
    : files_{{{{files.certificate, max_file_bytes}, {}, {}},
              {{files.key, max_file_bytes}, {}, {}},
              {{files.client_ca, max_file_bytes}, {}, {}}}},
      timer_(io.get_executor()) {
  if (files.certificate.empty() != files.key.empty())
    throw ConfigurationError("--tls-cert and --tls-key require each other");
  if (files.certificate.empty() && !files.client_ca.empty())
    throw ConfigurationError("--tls-client-ca requires --tls-cert");
  if (files.certificate.empty()) return;
  read();
  try {
    load();
  } catch (const std::runtime_error& error) {
    throw ConfigurationError(std::string("--tls-cert: ") + error.what());
  }
  wait();
}

void CertificateWatch::add_to(engine::Metrics& metrics) const {
  if (!certificate_) return;
  metrics.add([certificate = certificate_](engine::MetricsWriter& out) {
    out.gauge("revoked_certificate_expiry_timestamp_seconds", "When the server's TLS certificate expires.")
        .sample(static_cast<double>(certificate->expires_at()) / 1000);
  });
}

bool CertificateWatch::read() {
  bool has_changed = false;
  for (auto& [file, text, error] : files_) {
    if (file.path().empty()) continue;
    auto content = file.poll();
    if (!content) continue;
    has_changed = true;
    error = content->has_error() ? content->error() : boost::system::error_code();
    if (!error) text = std::move(**content);
  }
  return has_changed;
}

void CertificateWatch::load() {
  for (const auto& [file, text, error] : files_) {
    if (error) throw std::runtime_error("cannot read " + file.path() + ": " + error.message());
  }
  const net::ServerCertificate::Texts texts{files_[0].text, files_[1].text, files_[2].text};
  if (certificate_) {
    certificate_->replace(texts);
  } else {
    certificate_ = std::make_shared<net::ServerCertificate>(texts);
  }
  loaded_at_ = std::chrono::steady_clock::now();
  const bool is_expired = certificate_->is_expired();
  net::log(is_expired ? net::Level::warning : net::Level::info,
           is_expired ? "the TLS certificate has expired" : "loaded the TLS certificate",
           {{"file", files_[0].file.path()},
            {"subject", certificate_->subject()},
            {"not_after", certificate_->not_after()}});
}

void CertificateWatch::look() {
  const bool is_old = std::chrono::steady_clock::now() - loaded_at_ >= new_ticket_keys_every;
  if (!read() && !has_failed_ && !is_old) return;
  try {
    load();
    has_failed_ = false;
  } catch (const std::runtime_error& error) {
    // Certificate and key are two files: the second one may be about to be written.
    if (has_failed_) {
      net::log(net::Level::error, "cannot use the new TLS certificate: keeping the old one",
               {{"file", files_[0].file.path()}, {"reason", error.what()}});
    }
    has_failed_ = !has_failed_;
  }
}

void CertificateWatch::wait() {
  timer_.expires_after(look_every);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    look();
    wait();
  });
}

}  // namespace revoked::tools
