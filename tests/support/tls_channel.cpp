#include "tests/support/tls_channel.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <csignal>

namespace revoked::test {
namespace {

template <class T, class Free>
std::shared_ptr<T> read_pem(const std::string& text, T* (*read)(BIO*, T**, pem_password_cb*, void*),
                            Free free) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
  std::shared_ptr<T> out(read(bio.get(), nullptr, nullptr, nullptr), free);
  if (!out) throw TlsFailed("not PEM: " + text);
  return out;
}

}  // namespace

TlsChannel::TlsChannel(int socket, const TlsPeer& peer)
    : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  auto* const context = context_.get();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const auto ca = read_pem<X509>(peer.ca, PEM_read_bio_X509, X509_free);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.get());
  if (!peer.certificate.empty()) {
    SSL_CTX_use_certificate(context, read_pem<X509>(peer.certificate, PEM_read_bio_X509, X509_free).get());
    SSL_CTX_use_PrivateKey(context,
                           read_pem<EVP_PKEY>(peer.key, PEM_read_bio_PrivateKey, EVP_PKEY_free).get());
  }
  if (peer.old_version) {
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
  }
  if (peer.tls_1_2) SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  connection_.reset(SSL_new(context), SSL_free);
  auto* const connection = connection_.get();
  if (!peer.protocols.empty()) {
    SSL_set_alpn_protos(connection, reinterpret_cast<const unsigned char*>(peer.protocols.data()),
                        static_cast<unsigned>(peer.protocols.size()));
  }
  if (peer.session) SSL_set_session(connection, peer.session.get());
  X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection), "127.0.0.1");
  SSL_set_fd(connection, socket);
  if (const int returned = SSL_connect(connection); returned != 1) fail("handshake", returned);
}

void TlsChannel::fail(const char* what, int returned) {
  const auto error = SSL_get_error(connection_.get(), returned);
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string text =
      std::string(what) + ": " + (reason == nullptr ? "error " + std::to_string(error) : reason);
  ERR_clear_error();
  throw TlsFailed(text);
}

void TlsChannel::send(std::string_view bytes) {
  if (bytes.empty()) return;
  const int returned = SSL_write(connection_.get(), bytes.data(), static_cast<int>(bytes.size()));
  if (returned <= 0) fail("send", returned);
}

std::size_t TlsChannel::receive(char* into, std::size_t size) {
  const int returned = SSL_read(connection_.get(), into, static_cast<int>(size));
  if (returned > 0) return static_cast<std::size_t>(returned);
  if (SSL_get_error(connection_.get(), returned) != SSL_ERROR_ZERO_RETURN) fail("receive", returned);
  return 0;
}

bool TlsChannel::has_unread() const { return SSL_has_pending(connection_.get()) == 1; }

void TlsChannel::end_sending() { SSL_shutdown(connection_.get()); }

void TlsChannel::update_key() {
  if (SSL_key_update(connection_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) != 1) fail("key update", 0);
  if (const int returned = SSL_do_handshake(connection_.get()); returned != 1) fail("key update", returned);
}

bool TlsChannel::is_resumed() const { return SSL_session_reused(connection_.get()) == 1; }

std::string TlsChannel::version() const { return SSL_get_version(connection_.get()); }

std::string TlsChannel::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(connection_.get(), &name, &size);
  return std::string(reinterpret_cast<const char*>(name), size);
}

std::shared_ptr<ssl_session_st> TlsChannel::session() const {
  // A copy, as in cache/wire/tls.cpp.
  return {SSL_SESSION_dup(SSL_get0_session(connection_.get())), SSL_SESSION_free};
}

}  // namespace revoked::test
