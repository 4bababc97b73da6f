#include "net/http/network_thread.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>

#include <boost/asio/co_spawn.hpp>

#include "engine/base/hex.hpp"
#include "engine/base/random.hpp"
#include "engine/base/this_thread.hpp"
#include "net/http/log.hpp"
#include "net/http/session.hpp"

namespace revoked::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// Asio's SettableSocketOption; it has none for this.
class ReusePort {
 public:
  template <class Protocol>
  int level(const Protocol&) const {
    return SOL_SOCKET;
  }
  template <class Protocol>
  int name(const Protocol&) const {
    return SO_REUSEPORT;
  }
  template <class Protocol>
  const void* data(const Protocol&) const {
    return &on_;
  }
  template <class Protocol>
  std::size_t size(const Protocol&) const {
    return sizeof on_;
  }

 private:
  int on_ = 1;
};

// Every coroutine reports here when it ends: none is detached, and an exception in one is a bug that is
// logged.
void report_end(const std::exception_ptr& failure) {
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    static LogLimit limit;
    log(limit, {}, Level::error, "a session ended with a bug", {{"what", error.what()}});
  }
}

// Whether waiting cannot help: the acceptor itself is broken.
bool is_permanent(error_code error) {
  const int number = error.value();
  return number == EBADF || number == ENOTSOCK || number == EINVAL || number == EFAULT ||
         number == EOPNOTSUPP;
}

}  // namespace

void end_the_process(std::string_view what) {
  log_last("the process ends after a fatal error", {{"what", what}});
  std::_Exit(1);
}

NetworkThread::NetworkThread(const tcp::endpoint& endpoint, const ServerLimits& limits, Service& service,
                             Durability* durability, OnFatal on_fatal, const ServerCertificate* certificate)
    : limits_(limits),
      service_(service),
      service_state_(service.new_thread_state(io_)),
      requests_(service.route_names().size()),
      certificate_(certificate),
      acceptor_(io_.get_executor()),
      tick_timer_(io_.get_executor()),
      accept_pause_(io_.get_executor()),
      socket_events_(io_),
      news_(io_),
      on_fatal_(std::move(on_fatal)),
      connections_(limits_),
      now_(std::chrono::steady_clock::now()) {
  if (durability != nullptr) gate_.emplace(io_, *durability);
  acceptor_.open(endpoint.protocol());
  acceptor_.set_option(tcp::acceptor::reuse_address(true));
  acceptor_.set_option(ReusePort());
  acceptor_.bind(endpoint);
  acceptor_.listen(4096);
  std::array<std::uint8_t, request_id_prefix / 2> prefix;
  engine::random_bytes(prefix.data(), prefix.size());
  engine::hex::append(request_id_, prefix);
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
  try {
    // Members: this thread, and so the run of io_, ends before the object does.
    asio::co_spawn(io_, accept(), ends_fatally("accepting connections"));
    asio::co_spawn(io_, tick(), ends_fatally("the timer"));
    asio::co_spawn(io_, socket_events_.run(), ends_fatally("watching sockets"));
    io_.run();
  } catch (...) {
    report_fatal("running", std::current_exception());
  }
}

void NetworkThread::report_fatal(std::string_view what, const std::exception_ptr& failure) {
  if (!failure && draining_) return;
  std::string text(what);
  try {
    if (failure) std::rethrow_exception(failure);
    text += ": ended";
  } catch (const std::exception& error) {
    text.append(": ").append(error.what());
  }
  on_fatal_(text);
}

cache::Task<> NetworkThread::accept() {
  while (!draining_) {
    auto [error, socket] = co_await acceptor_.async_accept(cache::as_result);
    if (error) {
      if (draining_) co_return;
      look_at_failure(error);
    } else {
      permanent_failures_ = 0;
      if (adopt(std::move(socket))) continue;
    }
    // Usually out of descriptors or memory: let some connections end before the next try.
    accept_pause_.expires_after(accept_again_after);
    co_await accept_pause_.async_wait(cache::as_result);
  }
}

// The kernel resets what it has accepted for an acceptor that is closed, and with it the requests.
void NetworkThread::accept_what_waits() {
  error_code error;
  acceptor_.non_blocking(true, error);
  while (!error) {
    Socket socket(io_.get_executor());
    acceptor_.accept(socket, error);
    if (!error && !adopt(std::move(socket))) return;
  }
}

// False: out of memory.
bool NetworkThread::adopt(Socket socket) {
  try {
    if (connections_.is_full()) {
      error_code ignored;
      const auto peer = socket.remote_endpoint(ignored);
      if (!connections_.evict_for(ConnectionTable::origin_of(peer.address()), now_)) {
        ++turned_away_;
        return true;  // closes it
      }
      ++evicted_;
    }
    spawn(run_session(*this, std::move(socket)));
    return true;
  } catch (const std::bad_alloc&) {
    look_at_failure(boost::system::errc::make_error_code(boost::system::errc::not_enough_memory));
    return false;
  }
}

void NetworkThread::look_at_failure(error_code error) {
  ++failed_accepts_;
  accept_error_ = error;
  if (is_permanent(error) && ++permanent_failures_ == max_permanent_failures)
    throw boost::system::system_error(error, "accept keeps failing");
}

// However many connections are refused, one log line per `log_every`.
void NetworkThread::log_periodically() {
  if (turned_away_ + evicted_ + failed_accepts_ == 0 || now_ - logged_at_ < log_every) return;
  logged_at_ = now_;
  log(Level::warning, "connections were refused or closed at the limit",
      {{"connections", std::to_string(connections_.size())},
       {"turned_away", std::to_string(std::exchange(turned_away_, 0))},
       {"made_room", std::to_string(std::exchange(evicted_, 0))},
       {"failed_accepts", std::to_string(std::exchange(failed_accepts_, 0))},
       {"error", accept_error_ ? accept_error_.message() : ""}});
  accept_error_ = {};
}

cache::Task<> NetworkThread::tick() {
  while (!draining_ || sessions_ != 0) {
    tick_timer_.expires_after(tick_every);
    co_await tick_timer_.async_wait(cache::as_result);
    now_ = std::chrono::steady_clock::now();
    ticks_.add();
    sweep();
    log_periodically();
  }
  socket_events_.stop();
}

void NetworkThread::sweep() {
  const bool all = draining_ && now_ >= drain_until_;
  if (all) close_gate();  // a disk that hangs must not block the shutdown
  // From the end: a closed connection leaves, and the last one takes its place.
  const auto& entries = connections_.entries();
  for (auto i = entries.size(); i-- > 0;) {
    if (i >= entries.size()) continue;  // several have left
    auto& connection = static_cast<Connection&>(*entries[i]);
    const bool is_overdue = connection.is_overdue(now_) ||
                            (draining_ && connection.has_been_idle_for(limits_.drain_idle_timeout, now_));
    const bool held = connection.phase() == Connection::Phase::held;
    const bool idle = connection.phase() == Connection::Phase::idle;
    if (held && !all) {
      if (draining_ || is_overdue) connection.wake();
    } else if (idle && is_overdue && !all) {
      connection.end_idle();
    } else if (all || is_overdue) {
      connection.close();
    } else {
      connection.trim_if_idle(now_);
    }
  }
  held_bytes_.store(connections_.held_bytes(), std::memory_order_relaxed);
}

void NetworkThread::spawn(cache::Task<> task) { asio::co_spawn(io_, std::move(task), report_end); }

void NetworkThread::drain() {
  asio::post(io_, [this] { begin_drain(); });
}

void NetworkThread::begin_drain() {
  if (draining_) return;
  draining_ = true;
  now_ = std::chrono::steady_clock::now();
  drain_until_ = now_ + limits_.drain_timeout;
  accept_what_waits();
  error_code ignored;
  acceptor_.close(ignored);
  accept_pause_.cancel();
  tick_timer_.cancel();  // ticks at once
  news_.notify();
}

void NetworkThread::close_gate() {
  if (gate_) gate_->close();
}

cache::Task<bool> NetworkThread::durable(Durability::Sequence sequence) {
  if (!gate_) co_return true;
  co_return co_await gate_->wait(sequence);
}

std::string_view NetworkThread::next_request_id() {
  // Increments the text in place; mostly one digit changes.
  for (auto digit = request_id_.rbegin(); digit != request_id_.rend() - request_id_prefix; ++digit) {
    *digit = *digit == '9' ? 'a' : *digit == 'f' ? '0' : static_cast<char>(*digit + 1);
    if (*digit != '0') break;
  }
  return request_id_;
}

void NetworkThread::add(Connection& connection, ConnectionTable::Origin origin) {
  connections_.add(connection, origin);
  ++sessions_;
}

}  // namespace revoked::net
