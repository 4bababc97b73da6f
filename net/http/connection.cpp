#include "net/http/connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

#include "net/http/log.hpp"
#include "net/http/network_thread.hpp"
#include "net/http/tls_session.hpp"

namespace revoked::net {

namespace asio = boost::asio;
using boost::system::error_code;

Connection::Connection(NetworkThread& thread, Socket socket) : thread_(thread) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  const auto peer = socket.remote_endpoint(ignored);
  remote_address_ = peer.address().to_string();
  // Before add(): it may throw.
  if (const auto* const certificate = thread_.certificate()) {
    tls_ = std::make_unique<TlsSession>(certificate->new_connection(), socket.native_handle(), socket_state_);
  }
  thread_.add(*this, ConnectionTable::origin_of(peer.address()));
  socket_ = socket.release();  // released from Asio's reactor, which would handle every packet
  enter(tls_ ? Phase::handshake : Phase::idle);
  if (!thread_.socket_events().add(socket_, *this)) close();
}

Connection::~Connection() {
  close();
  thread_.remove(*this);
}

void Connection::enter(Phase phase) {
  const auto& limits = thread_.limits();
  switch (phase) {
    case Phase::idle:
      return enter(phase, limits.idle_timeout);
    case Phase::handshake:
    case Phase::head:
      return enter(phase, limits.head_timeout);
    case Phase::body:
      return enter(phase, limits.body_timeout);
    case Phase::writing:
      return enter(phase, limits.write_timeout);
    case Phase::closing:
      return enter(phase, limits.linger_timeout);
    case Phase::handling:
    case Phase::streaming:
    case Phase::held:
      // Whatever is awaited in these phases has its own deadlines.
      return enter(phase, std::chrono::hours(24 * 365));
  }
}

void Connection::enter(Phase phase, std::chrono::milliseconds allowed) {
  has_asked_ = has_asked_ || phase == Phase::handling;
  phase_ = phase;
  entered_ = thread_.now();
  deadline_ = entered_ + allowed;
  const auto wait = [&] {
    switch (phase) {
      case Phase::idle:
        return has_asked_ ? ConnectionTable::Wait::request : ConnectionTable::Wait::first_request;
      case Phase::handshake:
      case Phase::head:
        return ConnectionTable::Wait::head;
      case Phase::body:
        return ConnectionTable::Wait::body;
      case Phase::writing:
        return ConnectionTable::Wait::taking;
      case Phase::closing:
        return ConnectionTable::Wait::end;
      case Phase::handling:
      case Phase::streaming:
      case Phase::held:
        break;
    }
    return ConnectionTable::Wait::nothing;
  }();
  thread_.connections().set_wait(*this, wait, entered_);
}

void Connection::trim_if_idle(std::chrono::steady_clock::time_point now) {
  if (phase_ != Phase::idle || now - entered_ < thread_.limits().trimmed_after) return;
  if (input_.size() != 0 || !output_.empty() || (input_.capacity() == 0 && output_.capacity() < 64)) return;
  input_.shrink_to_fit();
  output_.shrink_to_fit();
  answer_log_.shrink();
  thread_.connections().set_held(*this, held_bytes());
}

std::string_view Connection::received() const {
  const auto data = input_.cdata();
  return {static_cast<const char*>(data.data()), data.size()};
}

void Connection::consume(std::size_t bytes) {
  input_.consume(bytes);
  if (input_.size() == 0 && input_.capacity() > thread_.limits().kept_bytes) input_.shrink_to_fit();
}

Connection::Received Connection::receive_now(std::size_t at_most_bytes) {
  if (tls_) return receive_over_tls(at_most_bytes);
  if (!socket_state_.readable) return Received::nothing;
  const auto space = input_.prepare(at_most_bytes);
  const auto size = ::recv(socket_, space.data(), space.size(), 0);
  if (size > 0) {
    input_.commit(static_cast<std::size_t>(size));
    // A short read has emptied the socket buffer, and new data raises a new event. The peer's end is reported
    // only once, so the socket stays readable after it.
    socket_state_.readable = socket_state_.peer_has_ended || static_cast<std::size_t>(size) == space.size();
    return Received::some;
  }
  // A non-blocking call is not interrupted either.
  if (size == 0 || errno != EAGAIN) return Received::end;
  socket_state_.readable = false;
  return Received::nothing;
}

Connection::Received Connection::receive_over_tls(std::size_t at_most_bytes) {
  using Result = TlsSession::Result;
  if (!tls_->is_established()) {
    const auto result = tls_->handshake();
    sends_first_ = tls_->waits_for_output();
    if (result == Result::waits) return Received::nothing;
    if (result == Result::ended) return Received::end;
    if (result == Result::failed) return refuse_handshake();
    enter(Phase::idle);
  }
  const auto space = input_.prepare(at_most_bytes);
  std::size_t size = 0;
  const auto result = tls_->read(space.data(), space.size(), size);
  has_more_ = tls_->has_more();
  sends_first_ = tls_->waits_for_output();
  if (result == Result::waits) return Received::nothing;
  if (result != Result::done) return Received::end;
  input_.commit(size);
  return Received::some;
}

// OpenSSL has sent the alert that says why. What the peer still sends is discarded.
Connection::Received Connection::refuse_handshake() {
  static LogLimit limit;
  log(limit, {}, Level::info, "a TLS handshake failed",
      {{"remote", remote_address_}, {"reason", tls_->why_failed()}});
  tls_.reset();
  return Received::refused;
}

Task<bool> Connection::receive(std::size_t at_most_bytes) {
  while (true) {
    const auto received = receive_now(at_most_bytes);
    if (received != Received::nothing) co_return received == Received::some;
    if (!co_await wait(EPOLLIN)) co_return false;
  }
}

Task<bool> Connection::wait_for(ReadHandler& handler) {
  read_handler_ = &handler;
  const bool is_good = co_await wait(EPOLLIN);
  read_handler_ = nullptr;
  co_return is_good;
}

bool Connection::flush_now() {
  if (tls_ && !flush_over_tls()) return false;
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
  if (output_.capacity() > thread_.limits().kept_bytes) output_.shrink_to_fit();
  return true;
}

bool Connection::flush_over_tls() {
  while (sent_ < output_.size()) {
    std::size_t written = 0;
    const auto result = tls_->write(output_.data() + sent_, output_.size() - sent_, written);
    if (result != TlsSession::Result::done) {
      is_broken_ = result != TlsSession::Result::waits;
      return false;
    }
    sent_ += written;
  }
  return true;
}

Task<bool> Connection::flush() {
  if (flush_now()) co_return true;
  using std::chrono::milliseconds;
  const auto& limits = thread_.limits();
  const auto phase = phase_;
  const auto began = std::chrono::steady_clock::now();
  const auto sent_before = sent_;
  while (!is_broken_) {
    const auto waited = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
    enter(Phase::writing, patience(limits, limits.write_timeout, waited, sent_ - sent_before));
    if (!co_await wait(EPOLLOUT)) co_return false;
    if (!flush_now()) continue;
    enter(phase);
    co_return true;
  }
  co_return false;
}

Task<> Connection::close_lingering() {
  if (!co_await flush()) co_return;
  if (phase_ != Phase::closing) enter(Phase::closing);
  if (tls_) tls_->end();
  ::shutdown(socket_, SHUT_WR);
  for (std::size_t dropped = 0; dropped < 4 << 20; dropped += input_.size()) {
    input_.clear();
    if (!co_await receive()) co_return;
  }
}

void Connection::end_idle() {
  if (!waiter_) return;
  const auto& limits = thread_.limits();
  enter(Phase::closing, thread_.is_draining() ? limits.drain_linger_timeout : limits.linger_timeout);
  resume_later(false);
}

void Connection::close() {
  if (socket_ < 0) return;
  // In any other phase a response may be incomplete, and the peer must see that.
  if (tls_ && phase_ == Phase::idle) tls_->end();
  tls_.reset();
  ::close(socket_);
  socket_ = -1;
  is_broken_ = true;
  thread_.connections().remove(*this);
  if (waiter_) resume_later(false);
}

// Posted, not called: this may run in a loop over many connections.
void Connection::resume_later(bool is_good) {
  asio::post(thread_.executor(),
             [waiter = std::move(*waiter_), is_good]() mutable { std::move(waiter)(is_good); });
  waiter_.reset();
}

std::size_t Connection::held_bytes() const {
  constexpr std::size_t inside_the_string = 15;
  const auto output = output_.capacity() <= inside_the_string ? 0 : output_.capacity();
  return input_.capacity() + output + request_bytes_ + (tls_ ? tls_->held_bytes() : 0);
}

// Counts the memory held while waiting for this peer. May close this connection.
void Connection::count_held() noexcept { thread_.connections().set_held(*this, held_bytes()); }

void Connection::on_events(std::uint32_t events) noexcept {
  auto& [readable, peer_has_ended] = socket_state_;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_has_ended = true;
  if (peer_has_ended && peer_closed_) peer_closed_->store(true, std::memory_order_relaxed);
  if (peer_has_ended || (events & EPOLLIN) != 0) readable = true;
  const bool is_awaited = peer_has_ended || (events & awaited_) != 0;
  if (!waiter_ || !is_awaited) return;
  if (read_handler_ != nullptr && !read_handler_->on_readable()) {
    // The peer has sent only a part: nothing else would count the memory.
    if (phase_ == Phase::head || phase_ == Phase::body || phase_ == Phase::handshake) count_held();
    return;
  }
  if (!waiter_) return;
  auto waiter = std::exchange(waiter_, std::nullopt);
  std::move (*waiter)(true);
}

Task<bool> Connection::hold(std::chrono::milliseconds at_most) {
  // A peer that vanishes acknowledges nothing.
  const auto patience = static_cast<unsigned>(thread_.limits().write_timeout.count());
  ::setsockopt(socket_, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
  input_.shrink_to_fit();
  output_.shrink_to_fit();
  enter(Phase::held, at_most);
  bool is_open = socket_ >= 0;
  if (is_open && !socket_state_.peer_has_ended) is_open = co_await wait(0);
  enter(Phase::handling);
  co_return is_open;
}

void Connection::wake() {
  if (phase_ != Phase::held || !waiter_) return;
  resume_later(true);
}

std::shared_ptr<const std::atomic<bool>> Connection::peer_closed() {
  if (!peer_closed_) peer_closed_ = std::make_shared<std::atomic<bool>>(socket_state_.peer_has_ended);
  return peer_closed_;
}

Task<bool> Connection::wait(std::uint32_t events) {
  count_held();
  if (socket_ < 0) co_return false;
  auto initiate = [this, events](Handler handler) {
    awaited_ = sends_first_ ? events | EPOLLOUT : events;
    waiter_.emplace(std::move(handler));
  };
  Token token;
  co_return co_await asio::async_initiate<Token, void(bool)>(initiate, token);
}

}  // namespace revoked::net
