#include "cache/bus/redis_stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace revoked::cache {

void RedisStream::Unsent::remove(std::size_t count) {
  sent += count;
  if (sent != bytes.size() && sent <= bytes.size() / 2) return;
  bytes.erase(0, sent);
  sent = 0;
}

RedisStream::RedisStream(asio::io_context& io, TlsConnection tls, Listener listener)
    : socket_(io), listener_(std::move(listener)) {
  if (tls) tls_.emplace(std::move(tls));
}

void RedisStream::open(const Endpoint& endpoint) {
  error_code error;
  open_socket(socket_, endpoint.protocol(), error);
  if (error) {
    return asio::post(socket_.get_executor(),
                      [self = shared_from_this(), error] { self->end(error.message()); });
  }
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.async_connect(endpoint,
                        [self = shared_from_this()](error_code failed) { self->on_connect(failed); });
}

void RedisStream::close() {
  if (state_ == State::ended) return;
  state_ = State::ended;
  error_code ignored;
  socket_.close(ignored);
}

void RedisStream::on_connect(error_code error) {
  if (state_ == State::ended) return;
  if (!error) socket_.non_blocking(true, error);
  if (error) return end(error.message());
  if (!tls_) {
    become_open();
  } else {
    state_ = State::shaking_hands;
    flush();
  }
  read();
}

void RedisStream::become_open() {
  state_ = State::open;
  listener_.on_open();
  flush();
}

void RedisStream::end(std::string_view reason) {
  if (state_ == State::ended) return;
  if (tls_ && !tls_->output().empty()) {  // the alert
    error_code ignored;
    socket_.write_some(asio::buffer(tls_->output()), ignored);
  }
  close();
  listener_.on_end(reason);
}

// ---- sending

void RedisStream::flush() {
  if (state_ == State::connecting || state_ == State::ended || waits_to_write_) return;
  for (;;) {
    if (tls_ && encrypted_.size() == 0 && !encrypt()) return end(tls_->failure());
    auto& unsent = tls_ ? encrypted_ : plain_;
    if (unsent.size() == 0) return;
    error_code error;
    unsent.remove(socket_.write_some(asio::buffer(unsent.view()), error));
    if (error == asio::error::would_block) break;
    if (error) return end(error.message());
  }
  waits_to_write_ = true;
  socket_.async_wait(GenericSocket::wait_write, [self = shared_from_this()](error_code) {
    self->waits_to_write_ = false;
    self->flush();
  });
}

// The next bytes for the socket: what TLS itself has to say, and as much of what we say as it may take.
bool RedisStream::encrypt() {
  if (state_ == State::open && plain_.size() != 0) {
    const auto next = plain_.view().substr(0, encrypted_bytes);
    if (!tls_->send(next)) return false;
    plain_.remove(next.size());
  }
  std::swap(encrypted_.bytes, tls_->output());
  tls_->output().clear();
  return true;
}

// ---- receiving

void RedisStream::read() {
  if (state_ == State::ended) return;
  socket_.async_read_some(
      asio::buffer(chunk_), [self = shared_from_this()](error_code error, std::size_t size) {
        if (error) return self->end(error == asio::error::eof ? "closed by Redis" : error.message());
        self->on_received({self->chunk_.data(), size});
        self->read();
      });
}

void RedisStream::on_received(std::string_view bytes) {
  if (state_ == State::ended) return;
  if (!tls_) return listener_.on_bytes(bytes);
  said_.clear();
  const bool goes_on = tls_->receive(bytes, said_);
  if (state_ == State::shaking_hands && tls_->is_established()) become_open();
  if (state_ == State::open && !said_.empty()) listener_.on_bytes(said_);
  if (!goes_on) return end(tls_->failure());
  flush();
}

}  // namespace revoked::cache
