#include "cache/bus/redis_connection.hpp"

#include <sys/un.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace revoked::cache {
namespace {

using namespace std::chrono_literals;

constexpr auto connect_timeout = 2s;  // name look-up until ready for use
constexpr auto steady_after = 2s;     // a connection that lasted this long resets the backoff
constexpr std::size_t max_reason_size = 200;

}  // namespace

std::string reason_of(const RespReply& error) {
  std::string text = error.text.substr(0, max_reason_size);
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

RedisConnection::RedisConnection(asio::io_context& io, RedisAddress address, RedisStateListener on_state,
                                 std::size_t max_reply_bytes, RedisKeepAlive keep_alive)
    : address_(std::move(address)),
      on_state_(std::move(on_state)),
      max_reply_bytes_(max_reply_bytes),
      keep_alive_(keep_alive),
      names_(io, address_.host, address_.port),
      socket_(io),
      timer_(io),
      executor_(io.get_executor()) {}

void RedisConnection::start(const std::shared_ptr<RedisConnection>& self) {
  self->self_ = self;
  asio::post(self->executor_, [self] { self->connect(); });
}

void RedisConnection::stop() {
  if (stopped_) return;
  stopped_ = true;
  ++timer_turn_;
  timer_.cancel();
  close();
}

// ---- connecting

void RedisConnection::connect() {
  if (stopped_) return;
  set_timer(connect_timeout, &RedisConnection::on_connect_timeout);
  if (!address_.unix_path.empty()) {
    if (address_.unix_path.size() >= sizeof(sockaddr_un::sun_path)) return retry("unix path too long");
    return open(asio::local::stream_protocol::endpoint(address_.unix_path));
  }
  names_.find([self = self_, turn = timer_turn_](error_code error, const TcpEndpoints& endpoints) {
    const auto link = self.lock();
    if (!link || link->stopped_ || turn != link->timer_turn_) return;
    if (error) return link->retry("cannot resolve " + link->address_.host + ": " + error.message());
    link->open(endpoints[link->tries_++ % endpoints.size()]);
  });
}

void RedisConnection::open(const Endpoint& endpoint) {
  error_code error;
  socket_.open(endpoint.protocol(), error);
  if (error) return retry(error.message());
  is_up_ = true;
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.async_connect(endpoint, [self = self_.lock(), turn = turn_](error_code failed) {
    if (turn != self->turn_) return;
    if (failed) return self->drop(failed.message());
    self->on_connect();
  });
}

void RedisConnection::on_connect() {
  error_code error;
  socket_.non_blocking(true, error);
  if (error) return drop(error.message());
  reader_.emplace(max_reply_bytes_);
  last_received_ = Clock::now();
  pinged_ = false;
  prepare();
  greet();
  read();
  write_now();
}

// Signs in and selects the database.
void RedisConnection::prepare() {
  unprepared_ = 0;
  if (!address_.password.empty()) {
    ++unprepared_;
    if (address_.user.empty())
      send({"AUTH", address_.password});
    else
      send({"AUTH", address_.user, address_.password});
  }
  if (address_.database != 0) {
    ++unprepared_;
    send({"SELECT", std::to_string(address_.database)});
  }
}

void RedisConnection::on_connect_timeout() {
  if (is_up_)
    drop("no answer in time");
  else
    retry("cannot resolve " + address_.host + " in time");
}

void RedisConnection::became_ready() {
  if (stopped_ || ready_) return;
  ready_ = true;
  ready_since_ = Clock::now();
  reported_.clear();
  watch();
  on_state_(true, {});
}

// ---- disconnecting

void RedisConnection::drop(std::string_view reason) {
  if (!is_up_) return;
  reason_ = reason;
  const bool was_ready = ready_;
  close();
  if (stopped_) return;
  ++timer_turn_;
  asio::post(executor_, [self = self_.lock(), was_ready] {
    if (!self || self->stopped_) return;
    if (was_ready && Clock::now() - self->ready_since_ >= steady_after) self->backoff_.reset();
    self->retry(self->reason_);
  });
}

void RedisConnection::close() {
  ready_ = false;
  if (!is_up_) return;
  is_up_ = false;
  ++turn_;
  error_code ignored;
  socket_.close(ignored);
  waits_to_write_ = false;
  unsent_.clear();
  sent_ = 0;
  on_closed();
}

// A reason is reported once, not at every attempt.
void RedisConnection::retry(const std::string& reason) {
  set_timer(backoff_.next(), &RedisConnection::connect);
  if (std::exchange(reported_, reason) != reason) on_state_(false, reason);
}

// ---- keep-alive

// Redis answers a ping at once, so a silent peer is dead even if TCP still considers the connection open.
void RedisConnection::watch() {
  if (!is_up_ || !ready_) return;
  const auto silence = Clock::now() - last_received_;
  if (silence >= keep_alive_.dead_after) return drop("no answer to a ping");
  if (silence >= keep_alive_.ping_after && !pinged_) {
    pinged_ = true;
    ping();
    write_now();
  }
  set_timer(keep_alive_.ping_after / 4, &RedisConnection::watch);
}

// One timer, used for one purpose at a time.
void RedisConnection::set_timer(Clock::duration wait, void (RedisConnection::*then)()) {
  timer_.expires_after(wait);
  timer_.async_wait([self = self_.lock(), turn = ++timer_turn_, then](error_code error) {
    if (!error && turn == self->timer_turn_ && !self->stopped_) ((*self).*then)();
  });
}

// ---- commands and replies

bool RedisConnection::send(std::initializer_list<std::string_view> arguments) {
  if (is_up_) append_command(unsent_, arguments);
  return is_up_;
}

void RedisConnection::write_now() {
  if (!is_up_ || waits_to_write_) return;
  error_code error;
  const auto size = socket_.write_some(asio::buffer(unsent_.data() + sent_, unsent_.size() - sent_), error);
  sent_ += size;
  if (sent_ == unsent_.size() || sent_ > unsent_.size() / 2) {
    unsent_.erase(0, sent_);
    sent_ = 0;
  }
  if (error && error != asio::error::would_block) return drop(error.message());
  if (unsent_.empty()) return;
  waits_to_write_ = true;
  socket_.async_wait(GenericSocket::wait_write, [self = self_.lock(), turn = turn_](error_code) {
    if (turn != self->turn_) return;
    self->waits_to_write_ = false;
    self->write_now();
  });
}

void RedisConnection::read() {
  if (!is_up_) return;
  socket_.async_read_some(
      asio::buffer(chunk_), [self = self_.lock(), turn = turn_](error_code error, std::size_t size) {
        if (turn != self->turn_) return;
        if (error) return self->drop(error == asio::error::eof ? "closed by Redis" : error.message());
        self->last_received_ = Clock::now();
        self->pinged_ = false;
        self->on_bytes({self->chunk_.data(), size});
        self->read();
      });
}

// A reply may end the connection or start the next step.
void RedisConnection::on_bytes(std::string_view bytes) {
  const auto turn = turn_;
  reader_->feed(bytes);
  std::string error;
  while (turn == turn_) {
    const auto reply = reader_->next(error);
    if (!error.empty()) return drop(error);
    if (!reply) return;
    if (unprepared_ == 0) {
      on_reply(*reply);
      continue;
    }
    --unprepared_;
    if (reply->kind == RespReply::Kind::error) return drop(reason_of(*reply));
    if (reply->kind != RespReply::Kind::text) return drop("an unexpected reply");
  }
}

}  // namespace revoked::cache
