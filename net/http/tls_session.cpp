#include "net/http/tls_session.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <new>

namespace revoked::net {

// OpenSSL's own BIO of a socket does not know that the socket is empty: it would find out by one call more
// for each request.
struct SocketBio {
  static TlsSession& session_of(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, std::size_t size, std::size_t* read_bytes) {
    BIO_clear_retry_flags(bio);
    auto& session = session_of(bio);
    auto& state = session.state_;
    if (!state.readable) {
      starve(bio);
      return 0;
    }
    const auto got = ::recv(session.socket_, into, size, 0);
    if (got > 0) {
      // As in Connection::receive_now().
      state.readable = state.peer_has_ended || static_cast<std::size_t>(got) == size;
      *read_bytes = static_cast<std::size_t>(got);
      return 1;
    }
    if (got < 0 && errno == EAGAIN) {
      state.readable = false;
      starve(bio);
    }
    return 0;
  }

  // There is nothing to read yet.
  static void starve(BIO* bio) {
    session_of(bio).is_starved_ = true;
    BIO_set_retry_read(bio);
  }

  static int write(BIO* bio, const char* from, std::size_t size, std::size_t* written_bytes) {
    BIO_clear_retry_flags(bio);
    const auto sent = ::send(session_of(bio).socket_, from, size, MSG_NOSIGNAL);
    if (sent >= 0) {
      *written_bytes = static_cast<std::size_t>(sent);
      return 1;
    }
    if (errno == EAGAIN) BIO_set_retry_write(bio);
    return 0;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* method() {
    struct Deleter {
      void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
    };
    static const auto made = [] {
      std::unique_ptr<BIO_METHOD, Deleter> method(
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket of a connection"));
      if (!method) throw std::bad_alloc();
      BIO_meth_set_read_ex(method.get(), read);
      BIO_meth_set_write_ex(method.get(), write);
      BIO_meth_set_ctrl(method.get(), control);
      return method;
    }();
    return made.get();
  }
};

TlsSession::TlsSession(cache::TlsConnection connection, int socket, SocketState& state)
    : connection_(std::move(connection)), socket_(socket), state_(state) {
  BIO* const bio = BIO_new(SocketBio::method());
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(connection_.get(), bio, bio);
}

TlsSession::Result TlsSession::result_of(int returned) {
  const int error = SSL_get_error(connection_.get(), returned);
  waits_for_output_ = error == SSL_ERROR_WANT_WRITE;
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Result::waits;
  has_more_ = false;
  auto reason = cache::last_tls_error();
  if (error != SSL_ERROR_SSL) return Result::ended;
  const bool is_refused = SSL_get_verify_result(connection_.get()) != X509_V_OK;
  return fail(is_refused ? cache::tls_failure(*connection_, {}) : std::move(reason));
}

TlsSession::Result TlsSession::fail(std::string why) {
  failure_ = std::move(why);
  return Result::failed;
}

TlsSession::Result TlsSession::handshake() {
  ERR_clear_error();
  const int returned = SSL_do_handshake(connection_.get());
  if (returned != 1) return result_of(returned);
  established_ = true;
  has_more_ = SSL_has_pending(connection_.get()) == 1;
  return Result::done;
}

TlsSession::Result TlsSession::read(void* into, std::size_t size, std::size_t& read_bytes) {
  for (int calls = 0; calls < max_empty_reads; ++calls) {
    is_starved_ = false;
    ERR_clear_error();
    const int returned = SSL_read_ex(connection_.get(), into, size, &read_bytes);
    if (returned == 1) {
      has_more_ = SSL_has_pending(connection_.get()) == 1;
      return Result::done;
    }
    const auto result = result_of(returned);
    has_more_ = false;
    if (result != Result::waits || is_starved_ || waits_for_output_) return result;
  }
  return fail("too many records without data");
}

TlsSession::Result TlsSession::write(const char* from, std::size_t size, std::size_t& written_bytes) {
  ERR_clear_error();
  waits_for_output_ = false;
  const int returned = SSL_write_ex(connection_.get(), from, size, &written_bytes);
  return returned == 1 ? Result::done : result_of(returned);
}

void TlsSession::end() {
  if (!established_ || !failure_.empty()) return;
  SSL_shutdown(connection_.get());
  ERR_clear_error();
}

}  // namespace revoked::net
