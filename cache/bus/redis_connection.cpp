#include "cache/bus/redis_connection.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

namespace revoked::cache {
namespace {

using namespace std::chrono_literals;

constexpr auto connect_timeout = 2s;      // question to the Sentinels and name look-up until ready for use
constexpr auto steady_after = 2s;         // a connection that lasted this long resets the backoff
constexpr std::size_t max_reported = 16;  // reasons; further ones are reported each time

// How often the Sentinels, and the server itself, are asked whether it is the primary.
constexpr auto role_period = 1s;
constexpr auto role_period_without = 200ms;  // while there is none that is ready for use

RedisAddress with_tls(RedisAddress address) {
  if (address.uses_tls && !address.tls) address.tls = std::make_shared<TlsClient>(TlsClientOptions{});
  return address;
}

}  // namespace

std::string describe_redis_state(bool connected, std::string_view detail) {
  if (!connected) return std::string(detail);
  return detail.empty() ? "connected" : "connected to " + std::string(detail);
}

RedisConnection::RedisConnection(asio::io_context& io, RedisAddress address, RedisStateListener on_state,
                                 std::size_t max_reply_bytes, RedisKeepAlive keep_alive)
    : io_(io),
      address_(with_tls(std::move(address))),
      on_state_(std::move(on_state)),
      max_reply_bytes_(max_reply_bytes),
      keep_alive_(keep_alive),
      timer_(io) {}

void RedisConnection::start(const std::shared_ptr<RedisConnection>& self) {
  self->self_ = self;
  const auto& address = self->address_;
  if (!address.primary_name.empty()) {
    self->sentinels_ = std::make_shared<RedisSentinels>(
        self->io_, address, [connection = self->self_](const RedisServer& primary) {
          if (const auto link = connection.lock()) link->on_primary(primary);
        });
  } else if (!address.unix_path.empty()) {
    self->servers_.emplace(address.unix_path);
  } else {
    self->servers_.emplace(self->io_, address.servers);
  }
  asio::post(self->io_, [self] { self->connect(); });
}

void RedisConnection::stop() {
  if (stopped_) return;
  stopped_ = true;
  ++timer_turn_;
  timer_.cancel();
  if (sentinels_) sentinels_->stop();
  close();
}

// ---- connecting

void RedisConnection::connect() {
  if (stopped_) return;
  set_timer(connect_timeout, &RedisConnection::on_connect_timeout);
  if (!sentinels_) return look_up();
  asks_for_primary_ = true;
  sentinels_->ask(role_period_without);
}

// The Sentinels' answer to connect(), or a later one.
void RedisConnection::on_primary(const RedisServer& primary) {
  if (stopped_) return;
  const bool has_moved = primary != primary_;
  if (has_moved) backoff_.reset();
  if (stream_) {
    if (has_moved) drop("the primary is now " + to_string(primary));
    return;
  }
  if (!has_moved && !asks_for_primary_) return;
  if (has_moved) servers_.emplace(io_, std::vector{primary});
  primary_ = primary;
  asks_for_primary_ = false;
  set_timer(connect_timeout, &RedisConnection::on_connect_timeout);
  look_up();
}

void RedisConnection::look_up() {
  servers_->find(
      [self = self_, turn = timer_turn_](std::string_view failure, const RedisStream::Endpoint& endpoint) {
        const auto link = self.lock();
        if (!link || link->stopped_ || turn != link->timer_turn_) return;
        if (!failure.empty()) return link->retry(std::string(failure));
        link->open(endpoint);
      });
}

void RedisConnection::open(const RedisStream::Endpoint& endpoint) {
  const auto with = [self = self_](auto call) {
    return [self, call](auto... arguments) {
      if (const auto link = self.lock()) (*link.*call)(arguments...);
    };
  };
  reader_.emplace(max_reply_bytes_);
  stream_ = make_stream(io_, address_, servers_->chosen().host,
                        {.on_open = with(&RedisConnection::on_open),
                         .on_bytes = with(&RedisConnection::on_bytes),
                         .on_end = with(&RedisConnection::drop)});
  stream_->open(endpoint);
}

void RedisConnection::on_open() {
  last_received_ = Clock::now();
  pinged_ = false;
  prepare();
  greet();
}

// Signs in, selects the database, asks whether this is the primary.
void RedisConnection::prepare() {
  unprepared_.clear();
  if (append_sign_in(stream_->outgoing(), address_)) unprepared_.push_back(Preparation::sign_in);
  if (address_.database != 0) {
    unprepared_.push_back(Preparation::database);
    send({"SELECT", std::to_string(address_.database)});
  }
  if (sentinels_) {
    unprepared_.push_back(Preparation::role);
    role_asked_ = Clock::now();
    send({"ROLE"});
  }
}

void RedisConnection::on_prepared(const RespReply& reply) {
  const auto what = unprepared_.front();
  unprepared_.pop_front();
  if (reply.kind == RespReply::Kind::error) return drop(reason_of(reply));
  if (what == Preparation::role) return on_role(reply);
  if (reply.kind != RespReply::Kind::text) drop("an unexpected reply");
}

void RedisConnection::on_role(const RespReply& reply) {
  using Kind = RespReply::Kind;
  const auto& parts = reply.elements;
  if (reply.kind != Kind::array || parts.empty() || parts[0].kind != Kind::text)
    return drop("an unexpected reply");
  if (parts[0].text == "master") return;
  sentinels_->distrust();
  drop("this is not the primary");
}

void RedisConnection::on_connect_timeout() {
  if (stream_) return drop("no answer in time");
  if (!asks_for_primary_) return retry("cannot resolve " + servers_->chosen().host + " in time");
  const auto& why = sentinels_->failure();
  retry("no answer from the Sentinels" + (why.empty() ? "" : ": " + why));
}

void RedisConnection::became_ready() {
  if (stopped_ || ready_) return;
  ready_ = true;
  ready_since_ = Clock::now();
  reported_.clear();
  if (sentinels_) sentinels_->ask(role_period);
  watch();
  on_state_(true, server_name());
}

// Empty if the address names one server.
std::string RedisConnection::server_name() const {
  return sentinels_ || !servers_->is_one() ? to_string(servers_->chosen()) : "";
}

// ---- disconnecting

void RedisConnection::drop(std::string_view reason) {
  if (!stream_) return;
  const auto server = server_name();
  reason_ = server.empty() ? reason : server + ": " + std::string(reason);
  const bool was_ready = ready_;
  close();
  if (stopped_) return;
  asio::post(io_, [self = self_.lock(), was_ready, turn = ++timer_turn_] {
    if (!self || self->stopped_) return;
    if (was_ready && Clock::now() - self->ready_since_ >= steady_after) self->backoff_.reset();
    if (turn == self->timer_turn_) self->pause();
    self->report(self->reason_);
  });
}

void RedisConnection::close() {
  ready_ = false;
  asks_for_primary_ = false;
  if (!stream_) return;
  stream_->close();
  stream_.reset();
  on_closed();
}

void RedisConnection::retry(const std::string& reason) {
  pause();
  report(reason);
}

void RedisConnection::pause() { set_timer(backoff_.next(), &RedisConnection::connect); }

// A reason is reported once, not at every attempt.
void RedisConnection::report(const std::string& reason) {
  if (std::find(reported_.begin(), reported_.end(), reason) != reported_.end()) return;
  if (reported_.size() < max_reported) reported_.push_back(reason);
  on_state_(false, reason);
}

// ---- keep-alive

// Redis answers a ping at once, so a silent peer is dead even if TCP still considers the connection open.
void RedisConnection::watch() {
  if (!stream_ || !ready_) return;
  const auto now = Clock::now();
  const auto silence = now - last_received_;
  if (silence >= keep_alive_.dead_after) return drop("no answer to a ping");
  if (silence >= keep_alive_.ping_after && !pinged_) {
    pinged_ = true;
    ping();
  }
  if (sentinels_ && now - role_asked_ >= role_period) {
    role_asked_ = now;
    ask_role();
  }
  write_now();
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
  if (stream_) append_command(stream_->outgoing(), arguments);
  return stream_ != nullptr;
}

void RedisConnection::write_now() {
  if (stream_) stream_->flush();
}

// A reply may end the connection or start the next step.
void RedisConnection::on_bytes(std::string_view bytes) {
  last_received_ = Clock::now();
  pinged_ = false;
  reader_->feed(bytes);
  std::string error;
  while (stream_) {
    const auto reply = reader_->next(error);
    if (!error.empty()) return drop(error);
    if (!reply) return;
    if (unprepared_.empty())
      on_reply(*reply);
    else
      on_prepared(*reply);
  }
}

}  // namespace revoked::cache
