#include "net/connection.hpp"

#include "net/network_thread.hpp"

namespace revoked::net {

namespace asio = boost::asio;
using boost::system::error_code;

Connection::Connection(NetworkThread& thread, Socket socket) : thread_(thread), socket_(std::move(socket)) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  const auto peer = socket_.remote_endpoint(ignored);
  remote_address_ = peer.address().to_string();
  thread_.add(*this);
  enter(Phase::idle);
}

Connection::~Connection() { thread_.remove(*this); }

void Connection::enter(Phase phase) {
  const auto& limits = thread_.limits();
  const auto allowed = [&]() -> std::chrono::milliseconds {
    switch (phase) {
      case Phase::idle:
        return limits.idle_timeout;
      case Phase::head:
        return limits.head_timeout;
      case Phase::body:
        return limits.body_timeout;
      case Phase::writing:
        return limits.write_timeout;
      case Phase::closing:
        return limits.linger_timeout;
      case Phase::handling:
      case Phase::streaming:
        break;
    }
    return std::chrono::hours(24 * 365);  // what is awaited here has deadlines of its own
  }();
  phase_ = phase;
  deadline_ = thread_.now() + allowed;
}

std::string_view Connection::received() const {
  const auto data = input_.cdata();
  return {static_cast<const char*>(data.data()), data.size()};
}

void Connection::consume(std::size_t bytes) {
  input_.consume(bytes);
  if (input_.size() == 0 && input_.capacity() > max_kept_bytes) input_.shrink_to_fit();
}

Task<bool> Connection::receive(std::size_t at_most_bytes) {
  const auto space = input_.prepare(at_most_bytes);
  const auto [error, size] = co_await socket_.async_read_some(asio::buffer(space), cache::as_result);
  if (error) co_return false;
  input_.commit(size);
  co_return true;
}

Task<bool> Connection::flush() {
  if (output_.empty()) co_return true;
  const auto phase = phase_;
  std::size_t sent = 0;
  while (sent < output_.size()) {
    const auto rest = asio::buffer(output_) + sent;
    error_code error;
    // Mostly the socket takes everything at once: one system call, no round through the reactor.
    auto size = socket_.write_some(asio::const_buffer(rest), error);
    if (error == asio::error::would_block) {
      enter(Phase::writing);
      const auto [waited, written] =
          co_await socket_.async_write_some(asio::const_buffer(rest), cache::as_result);
      error = waited;
      size = written;
    }
    if (error) co_return false;
    sent += size;
  }
  if (phase_ != phase) enter(phase);
  output_.clear();
  if (output_.capacity() > max_kept_bytes) output_.shrink_to_fit();
  co_return true;
}

Task<> Connection::close_gently() {
  if (!co_await flush()) co_return;
  enter(Phase::closing);
  error_code error;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  std::size_t dropped = 0;
  while (!error && dropped < 4 << 20) {
    input_.clear();
    const auto space = input_.prepare(read_chunk_bytes);
    const auto [failed, size] = co_await socket_.async_read_some(asio::buffer(space), cache::as_result);
    error = failed;
    dropped += size;
  }
}

void Connection::close() {
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace revoked::net
