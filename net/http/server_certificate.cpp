#include "net/http/server_certificate.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <ctime>
#include <new>
#include <stdexcept>

namespace revoked::net {
namespace {

struct Deleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <class T>
using Owned = std::unique_ptr<T, Deleter>;

[[noreturn]] void fail(const std::string& what) {
  const auto why = cache::last_tls_error();
  throw std::runtime_error(why.empty() ? what : what + ": " + why);
}

Owned<BIO> reader_of(const std::string& text) {
  Owned<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) throw std::bad_alloc();
  return bio;
}

// OpenSSL would ask on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

Owned<X509> next_certificate(BIO& from) {
  return Owned<X509>(PEM_read_bio_X509(&from, nullptr, no_passphrase, nullptr));
}

// Whether reading has ended because there is nothing more.
bool is_at_end() { return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE; }

void use_chain(SSL_CTX& context, const std::string& text) {
  const auto from = reader_of(text);
  const auto own = next_certificate(*from);
  if (!own) fail("the certificate cannot be read");
  if (SSL_CTX_use_certificate(&context, own.get()) != 1) fail("the certificate cannot be used");
  while (const auto next = next_certificate(*from)) {
    if (SSL_CTX_add1_chain_cert(&context, next.get()) != 1) fail("the certificate's chain cannot be used");
  }
  if (!is_at_end()) fail("the certificate's chain cannot be read");
  ERR_clear_error();
}

void use_key(SSL_CTX& context, const std::string& text) {
  const auto from = reader_of(text);
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(from.get(), nullptr, no_passphrase, nullptr));
  if (!key) fail("the private key cannot be read (an encrypted one cannot be used)");
  if (SSL_CTX_use_PrivateKey(&context, key.get()) != 1)
    fail("the private key is not that of the certificate");
}

void require_client_certificates(SSL_CTX& context, const std::string& text) {
  const auto from = reader_of(text);
  auto* const store = SSL_CTX_get_cert_store(&context);
  int count = 0;
  while (const auto ca = next_certificate(*from)) {
    if (X509_STORE_add_cert(store, ca.get()) != 1 || SSL_CTX_add_client_CA(&context, ca.get()) != 1)
      fail("the CA certificates of clients cannot be used");
    ++count;
  }
  if (!is_at_end() || count == 0) fail("the CA certificates of clients cannot be read");
  ERR_clear_error();
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(&context), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // A session that is resumed again and again would outlive the certificate of the client.
  SSL_CTX_set_options(&context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(&context, 0);
}

// A client that offers only other protocols would take our answers for theirs (RFC 7301, section 3.2).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned offered_size, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(&found, size, ours, sizeof ours - 1, offered, offered_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::string text_of(BIO& bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(&bio, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

}  // namespace

ServerCertificate::ServerCertificate(const Texts& texts) : context_(make_context(texts)) {}

ServerCertificate::Context ServerCertificate::make_context(const Texts& texts) {
  constexpr long session_lifetime_s = 3600;
  Context made(SSL_CTX_new(TLS_server_method()));
  if (!made) throw std::bad_alloc();
  auto& context = *made;
  ERR_clear_error();
  cache::TlsDefaults::set(context);
  use_chain(context, texts.chain);
  use_key(context, texts.key);
  // Sessions are kept by the clients, as tickets; one each, since a client has one connection at a time.
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(&context, session_lifetime_s);
  SSL_CTX_set_num_tickets(&context, 1);
  if (!texts.client_ca.empty()) require_client_certificates(context, texts.client_ca);
  SSL_CTX_set_alpn_select_cb(&context, choose_protocol, nullptr);
  // Several records with one system call.
  SSL_CTX_set_read_ahead(&context, 1);
  // A peer that sends endless records without data must not keep the thread: each ends a call.
  SSL_CTX_clear_mode(&context, SSL_MODE_AUTO_RETRY);
  return made;
}

void ServerCertificate::replace(const Texts& texts) {
  auto made = make_context(texts);
  const engine::MutexLock lock(mutex_);
  context_.swap(made);
}

cache::TlsConnection ServerCertificate::new_connection() const {
  const engine::MutexLock lock(mutex_);
  cache::TlsConnection connection(SSL_new(context_.get()));
  if (!connection) throw std::bad_alloc();
  SSL_set_accept_state(connection.get());
  return connection;
}

std::string ServerCertificate::subject() const {
  const engine::MutexLock lock(mutex_);
  const Owned<BIO> text(BIO_new(BIO_s_mem()));
  if (!text) throw std::bad_alloc();
  const auto* const certificate = SSL_CTX_get0_certificate(context_.get());
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  return text_of(*text);
}

std::string ServerCertificate::not_after() const {
  const engine::MutexLock lock(mutex_);
  const Owned<BIO> text(BIO_new(BIO_s_mem()));
  if (!text) throw std::bad_alloc();
  ASN1_TIME_print_ex(text.get(), X509_get0_notAfter(SSL_CTX_get0_certificate(context_.get())),
                     ASN1_DTFLGS_ISO8601);
  return text_of(*text);
}

engine::UnixMs ServerCertificate::expires_at() const {
  const engine::MutexLock lock(mutex_);
  std::tm time{};
  ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(context_.get())), &time);
  return static_cast<engine::UnixMs>(::timegm(&time)) * 1000;
}

bool ServerCertificate::is_expired() const {
  const engine::MutexLock lock(mutex_);
  return X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(context_.get()))) < 0;
}

}  // namespace revoked::net
