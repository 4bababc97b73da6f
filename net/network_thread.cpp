#include "net/network_thread.hpp"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>

#include "engine/ids.hpp"
#include "engine/this_thread.hpp"
#include "net/log.hpp"
#include "net/session.hpp"

namespace revoked::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

// Every coroutine reports here when it ends: none is detached, and an exception in one is a bug that shows.
void report_end(std::exception_ptr failure) {
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    static LogLimit limit;
    log(limit, {}, Level::error, "a session ended with a bug", {{"what", error.what()}});
  }
}

}  // namespace

NetworkThread::NetworkThread(const tcp::endpoint& endpoint, const ServerLimits& limits, Service& service,
                             engine::Engine* engine)
    : limits_(limits),
      service_(service),
      engine_(engine),
      acceptor_(io_.get_executor()),
      tick_timer_(io_.get_executor()),
      accept_pause_(io_.get_executor()),
      socket_events_(io_),
      news_(io_),
      now_(std::chrono::steady_clock::now()) {
  if (engine != nullptr) gate_.emplace(io_, *engine);
  acceptor_.open(endpoint.protocol());
  acceptor_.set_option(tcp::acceptor::reuse_address(true));
  acceptor_.set_option(reuse_port(true));
  acceptor_.bind(endpoint);
  acceptor_.listen(4096);
  std::array<std::uint8_t, request_id_prefix / 2> prefix;
  engine::random_bytes(prefix.data(), prefix.size());
  for (const auto byte : prefix) {
    request_id_.push_back("0123456789abcdef"[byte >> 4]);
    request_id_.push_back("0123456789abcdef"[byte & 15]);
  }
  request_id_.append(request_id_digits, '0');
}

NetworkThread::~NetworkThread() {
  drain();
  join();
}

std::uint16_t NetworkThread::port() const { return acceptor_.local_endpoint().port(); }

void NetworkThread::start() {
  thread_ = std::thread([this] { run(); });
}

void NetworkThread::run() {
  engine::set_up_this_thread("network");
  asio::co_spawn(io_, accept(), report_end);
  asio::co_spawn(io_, tick(), report_end);
  asio::co_spawn(io_, socket_events_.run(), report_end);
  io_.run();
}

cache::Task<> NetworkThread::accept() {
  while (!draining_) {
    auto [error, socket] = co_await acceptor_.async_accept(cache::as_result);
    if (draining_) co_return;
    if (error) {
      // Out of descriptors, mostly: let some connections end before trying again.
      accept_pause_.expires_after(std::chrono::milliseconds(100));
      co_await accept_pause_.async_wait(cache::as_result);
      continue;
    }
    if (connections_.size() >= limits_.connections) continue;  // closes it
    asio::co_spawn(io_, run_session(*this, std::move(socket)), report_end);
  }
}

cache::Task<> NetworkThread::tick() {
  while (!draining_ || !connections_.empty()) {
    tick_timer_.expires_after(tick_every);
    co_await tick_timer_.async_wait(cache::as_result);
    now_ = std::chrono::steady_clock::now();
    sweep();
  }
  socket_events_.stop();
}

void NetworkThread::sweep() {
  const bool all = draining_ && now_ >= drain_until_;
  if (all) close_gate();  // a disk that hangs must not keep us
  for (auto* connection : connections_) {
    const bool idle = draining_ && connection->phase() == Connection::Phase::idle;
    if (all || idle || connection->is_overdue(now_)) connection->close();
  }
}

void NetworkThread::drain() {
  asio::post(io_, [this] { begin_drain(); });
}

void NetworkThread::begin_drain() {
  if (draining_) return;
  draining_ = true;
  now_ = std::chrono::steady_clock::now();
  drain_until_ = now_ + limits_.drain_timeout;
  error_code ignored;
  acceptor_.close(ignored);
  accept_pause_.cancel();
  tick_timer_.cancel();  // looks at once
  news_.notify();
}

void NetworkThread::close_gate() {
  if (gate_) gate_->close();
}

cache::Task<bool> NetworkThread::durable(engine::Sequence sequence) {
  if (!gate_) co_return true;
  co_return co_await gate_->wait(sequence);
}

std::string_view NetworkThread::next_request_id() {
  // Counts in the text itself, which is mostly one digit.
  for (auto digit = request_id_.rbegin(); digit != request_id_.rend() - request_id_prefix; ++digit) {
    *digit = *digit == '9' ? 'a' : *digit == 'f' ? '0' : static_cast<char>(*digit + 1);
    if (*digit != '0') break;
  }
  return request_id_;
}

void NetworkThread::add(Connection& connection) { connections_.push_back(&connection); }

void NetworkThread::remove(Connection& connection) { std::erase(connections_, &connection); }

}  // namespace revoked::net
