#include "cache/wire/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <new>
#include <stdexcept>

namespace revoked::cache {
namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + last_tls_error()); }

// The values are OpenSSL's X509_V_ERR_….
class CertificateErrors final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "certificate"; }
  std::string message(int value) const override {
    return std::string("the peer's certificate: ") + X509_verify_cert_error_string(value);
  }
};

const CertificateErrors& certificate_errors() {
  static const CertificateErrors category;
  return category;
}

// OpenSSL makes the session of a connection unusable that is closed without saying so, as ours are: each has
// its own.
std::unique_ptr<ssl_session_st, TlsDeleter> copy_of(ssl_session_st* session) {
  std::unique_ptr<ssl_session_st, TlsDeleter> copy(SSL_SESSION_dup(session));
  if (!copy) throw std::bad_alloc();
  return copy;
}

// Inode, size and times of the files: any replacement changes one of them.
std::string state_of(const TlsClientOptions& options) {
  std::string state;
  for (const auto& path : {options.ca_file, options.certificate_file, options.key_file}) {
    struct stat status {};
    if (path.empty() || ::stat(path.c_str(), &status) != 0) continue;
    for (const std::int64_t part :
         {static_cast<std::int64_t>(status.st_ino), static_cast<std::int64_t>(status.st_size),
          static_cast<std::int64_t>(status.st_mtim.tv_sec), static_cast<std::int64_t>(status.st_mtim.tv_nsec),
          static_cast<std::int64_t>(status.st_ctim.tv_sec),
          static_cast<std::int64_t>(status.st_ctim.tv_nsec)})
      state.append(std::to_string(part)).append(" ");
  }
  return state;
}

// OpenSSL would ask on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

// The name or address that the peer's certificate is checked for.
std::string checked_host(ssl_st* connection) {
  auto* const rules = SSL_get0_param(connection);
  if (const char* const name = X509_VERIFY_PARAM_get0_host(rules, 0)) return name;
  char* const address = X509_VERIFY_PARAM_get1_ip_asc(rules);
  std::string text = address == nullptr ? "" : address;
  OPENSSL_free(address);
  return text;
}

}  // namespace

void TlsDeleter::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }
void TlsDeleter::operator()(ssl_session_st* session) const noexcept { SSL_SESSION_free(session); }
void TlsDeleter::operator()(ssl_st* connection) const noexcept { SSL_free(connection); }

void TlsDefaults::set(ssl_ctx_st& context) {
  constexpr int level = 2;  // at least 112 bits: RSA keys of 2048 bits, no SHA-1
  SSL_CTX_set_security_level(&context, level);
  SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(&context, ciphers);
  SSL_CTX_set_options(&context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(&context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
}

TlsClient::TlsClient(const TlsClientOptions& options)
    : options_(options),
      files_(state_of(options)),
      looked_at_(std::chrono::steady_clock::now()),
      context_(make_context()) {}

TlsClient::~TlsClient() = default;

TlsClient::Context TlsClient::make_context() {
  Context made(SSL_CTX_new(TLS_client_method()));
  if (!made) throw std::bad_alloc();
  auto* const context = made.get();
  TlsDefaults::set(*context);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  ERR_clear_error();
  if (options_.ca_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) != 1) fail("cannot read the system's CA certificates");
  } else {
    if (SSL_CTX_load_verify_file(context, options_.ca_file.c_str()) != 1)
      fail("cannot read CA certificates from " + options_.ca_file);
    // Not only self-signed ones are trusted.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  }
  if (!options_.certificate_file.empty()) {
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(context, options_.certificate_file.c_str()) != 1)
      fail("cannot read a certificate from " + options_.certificate_file);
    if (SSL_CTX_use_PrivateKey_file(context, options_.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
      fail("cannot use the private key in " + options_.key_file + " for the certificate in " +
           options_.certificate_file);
  }
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_session);
  return made;
}

void TlsClient::read_changed_files() {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_at_ < look_every) return;
  looked_at_ = now;
  const auto files = state_of(options_);
  if (files == files_) return;
  try {
    context_ = make_context();
    files_ = files;
    sessions_.clear();  // what they trust may have changed
  } catch (const std::runtime_error&) {
    files_.clear();  // perhaps only one of them has been written yet: they are tried again
  }
}

TlsConnection TlsClient::connection_to(const std::string& host) {
  read_changed_files();
  TlsConnection connection(SSL_new(context_.get()));
  if (!connection) throw std::bad_alloc();
  SSL_set_connect_state(connection.get());
  auto* const rules = SSL_get0_param(connection.get());
  // Without the zone of an address, and the dot that ends an absolute name: certificates have neither.
  auto name = host.substr(0, host.find('%'));
  if (name.ends_with('.')) name.pop_back();
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str()) != 1) {
    ERR_clear_error();
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    // An empty name would not be checked.
    if (name.empty() || X509_VERIFY_PARAM_set1_host(rules, name.data(), name.size()) != 1)
      throw std::bad_alloc();
    SSL_set_tlsext_host_name(connection.get(), name.c_str());
  }
  const auto kept = sessions_.find(checked_host(connection.get()));
  if (kept != sessions_.end()) SSL_set_session(connection.get(), copy_of(kept->second.get()).get());
  return connection;
}

// OpenSSL's callback: 1 if it had taken the session over.
int TlsClient::keep_session(ssl_st* connection, ssl_session_st* session) {
  auto* const context = SSL_get_SSL_CTX(connection);
  auto& self = *static_cast<TlsClient*>(SSL_CTX_get_app_data(context));
  if (context != self.context_.get()) return 0;  // from before the files changed
  try {
    if (self.sessions_.size() >= max_sessions) self.sessions_.clear();
    self.sessions_[checked_host(connection)] = copy_of(session);
  } catch (const std::bad_alloc&) {
    self.sessions_.clear();  // the next connection does the whole handshake
  }
  return 0;
}

error_code tls_error(const ssl_st& connection, error_code error) {
  const auto verified = static_cast<int>(SSL_get_verify_result(&connection));
  return verified == X509_V_OK ? error : error_code(verified, certificate_errors());
}

std::string tls_failure(const ssl_st& connection, error_code error) {
  return tls_error(connection, error).message();
}

std::string last_tls_error() {
  std::string text;
  bool is_of_the_system = false;  // later errors only say that there was one
  while (const auto error = ERR_get_error()) {
    if (is_of_the_system) continue;
    is_of_the_system = ERR_SYSTEM_ERROR(error);
    const char* const reason = ERR_reason_error_string(error);
    if (is_of_the_system)
      text = error_code(ERR_GET_REASON(error), boost::system::system_category()).message();
    else
      text = reason != nullptr ? reason : "error " + std::to_string(error);
  }
  return text;
}

}  // namespace revoked::cache
