#include "cache/wire/tls_codec.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/ssl/error.hpp>
#include <new>
#include <utility>

namespace revoked::cache {
namespace {

constexpr std::size_t record_bytes = 16 << 10;  // at most that much text is in one record

}  // namespace

TlsCodec::TlsCodec(TlsConnection connection) : connection_(std::move(connection)) {
  auto* const incoming = BIO_new(BIO_s_mem());
  auto* const outgoing = BIO_new(BIO_s_mem());
  SSL_set_bio(connection_.get(), incoming, outgoing);  // takes over both
  if (incoming == nullptr || outgoing == nullptr) throw std::bad_alloc();
  shake_hands();
}

bool TlsCodec::is_established() const {
  return failure_.empty() && SSL_is_init_finished(connection_.get()) == 1;
}

bool TlsCodec::receive(std::string_view bytes, std::string& said) {
  const auto size = static_cast<int>(bytes.size());
  if (BIO_write(SSL_get_rbio(connection_.get()), bytes.data(), size) != size) throw std::bad_alloc();
  const bool goes_on = shake_hands() && (!is_established() || read(said));
  take_output();
  return goes_on;
}

bool TlsCodec::send(std::string_view text) {
  bool goes_on = true;
  while (goes_on && !text.empty()) {
    ERR_clear_error();
    std::size_t taken = 0;
    goes_on = go_on(SSL_write_ex(connection_.get(), text.data(), text.size(), &taken));
    text.remove_prefix(taken);
    take_output();
  }
  return goes_on;
}

bool TlsCodec::shake_hands() {
  if (is_established()) return true;
  ERR_clear_error();
  const bool goes_on = go_on(SSL_do_handshake(connection_.get()));
  take_output();
  return goes_on;
}

bool TlsCodec::read(std::string& said) {
  for (;;) {
    const auto before = said.size();
    said.resize(before + record_bytes);
    ERR_clear_error();
    std::size_t size = 0;
    const int result = SSL_read_ex(connection_.get(), said.data() + before, record_bytes, &size);
    said.resize(before + size);
    if (result != 1) return go_on(result);
  }
}

// Whether a call has succeeded, or waits for the peer.
bool TlsCodec::go_on(int result) {
  if (result == 1) return true;
  const int kind = SSL_get_error(connection_.get(), result);
  if (kind == SSL_ERROR_WANT_READ) return true;
  if (kind == SSL_ERROR_ZERO_RETURN) {
    failure_ = "closed by the peer";
  } else {
    const error_code error(static_cast<int>(ERR_peek_error()), asio::error::get_ssl_category());
    failure_ = "TLS: " + tls_failure(*connection_, error);
    ERR_clear_error();
  }
  return false;
}

void TlsCodec::take_output() {
  auto* const outgoing = SSL_get_wbio(connection_.get());
  while (const auto waiting = BIO_ctrl_pending(outgoing)) {
    const auto before = output_.size();
    output_.resize(before + waiting);
    std::size_t size = 0;
    BIO_read_ex(outgoing, output_.data() + before, waiting, &size);
    output_.resize(before + size);
    if (size == 0) return;
  }
}

}  // namespace revoked::cache
