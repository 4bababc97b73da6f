#include "net/connection.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

#include "net/network_thread.hpp"

namespace revoked::net {

namespace asio = boost::asio;
using boost::system::error_code;

Connection::Connection(NetworkThread& thread, Socket socket) : thread_(thread) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  const auto peer = socket.remote_endpoint(ignored);
  remote_address_ = peer.address().to_string();
  socket_ = socket.release();  // from Asio's reactor, which would look at every packet
  thread_.add(*this);
  enter(Phase::idle);
  if (!thread_.socket_events().add(socket_, *this)) close();
}

Connection::~Connection() {
  close();
  thread_.remove(*this);
}

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

Connection::Received Connection::receive_now(std::size_t at_most_bytes) {
  if (!readable_) return Received::nothing;
  const auto space = input_.prepare(at_most_bytes);
  const auto size = ::recv(socket_, space.data(), space.size(), 0);
  if (size > 0) {
    input_.commit(static_cast<std::size_t>(size));
    // Less than fits is all there was, and what comes next is told; an end that was told already is not.
    readable_ = peer_has_ended_ || static_cast<std::size_t>(size) == space.size();
    return Received::some;
  }
  // A call that does not wait is not interrupted either.
  if (size == 0 || errno != EAGAIN) return Received::end;
  readable_ = false;
  return Received::nothing;
}

Task<bool> Connection::receive(std::size_t at_most_bytes) {
  while (true) {
    const auto received = receive_now(at_most_bytes);
    if (received != Received::nothing) co_return received == Received::some;
    if (!co_await wait(EPOLLIN)) co_return false;
  }
}

Task<bool> Connection::wait_for(Reader& reader) {
  reader_ = &reader;
  const bool is_good = co_await wait(EPOLLIN);
  reader_ = nullptr;
  co_return is_good;
}

bool Connection::flush_now() {
  while (sent_ < output_.size()) {
    const auto size = ::send(socket_, output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL);
    if (size < 0) {
      is_broken_ = errno != EAGAIN;
      return false;
    }
    sent_ += static_cast<std::size_t>(size);
  }
  sent_ = 0;
  output_.clear();
  if (output_.capacity() > max_kept_bytes) output_.shrink_to_fit();
  return true;
}

Task<bool> Connection::flush() {
  if (flush_now()) co_return true;
  const auto phase = phase_;
  while (!is_broken_) {
    enter(Phase::writing);
    if (!co_await wait(EPOLLOUT)) co_return false;
    if (!flush_now()) continue;
    enter(phase);
    co_return true;
  }
  co_return false;
}

Task<> Connection::close_gently() {
  if (!co_await flush()) co_return;
  enter(Phase::closing);
  ::shutdown(socket_, SHUT_WR);
  for (std::size_t dropped = 0; dropped < 4 << 20; dropped += input_.size()) {
    input_.clear();
    if (!co_await receive()) co_return;
  }
}

void Connection::close() {
  if (socket_ < 0) return;
  ::close(socket_);
  socket_ = -1;
  is_broken_ = true;
  if (!waiter_) return;
  // Not from here: it may be one of many that are closed in a row.
  asio::post(thread_.executor(), [waiter = std::move(*waiter_)]() mutable { std::move(waiter)(false); });
  waiter_.reset();
}

void Connection::on_events(std::uint32_t events) noexcept {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_has_ended_ = true;
  if (peer_has_ended_ || (events & EPOLLIN) != 0) readable_ = true;
  const bool is_awaited = peer_has_ended_ || (events & awaited_) != 0;
  if (!waiter_ || !is_awaited || (reader_ != nullptr && !reader_->on_readable()) || !waiter_) return;
  auto waiter = std::exchange(waiter_, std::nullopt);
  std::move (*waiter)(true);
}

Task<bool> Connection::wait(std::uint32_t events) {
  if (socket_ < 0) co_return false;
  auto initiate = [this, events](Handler handler) {
    awaited_ = events;
    waiter_.emplace(std::move(handler));
  };
  Token token;
  co_return co_await asio::async_initiate<Token, void(bool)>(initiate, token);
}

}  // namespace revoked::net
