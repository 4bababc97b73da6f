// The connections to Redis: one for publishing, one for a subscription.
#include "cache/bus/redis.hpp"

#include <sys/un.h>

#include <algorithm>
#include <array>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "cache/bus/resp.hpp"
#include "cache/wire/backoff.hpp"
#include "cache/wire/endpoint.hpp"

namespace revoked::cache {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto connect_timeout = 2s;  // name look-up until ready for use
constexpr auto ping_after = 1s;       // of silence
constexpr auto dead_after = 4s;       // of silence: no reply for 3 s
constexpr auto watch_period = 250ms;
constexpr auto steady_after = 2s;  // a connection that lasted this long resets the backoff
constexpr std::size_t max_reply_bytes = 64 << 10;
constexpr std::size_t max_framing_bytes = 1 << 10;  // around a message
constexpr std::size_t max_reason_size = 200;
constexpr std::size_t read_bytes = 64 << 10;

// An error text of Redis, for a log.
std::string reason_of(const RespReply& error) {
  std::string text = error.text.substr(0, max_reason_size);
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

// A connection to Redis that reconnects until stopped. Handlers on the io_context hold `self_`, so that they
// never use freed memory. An unexpected reply ends the connection.
class Connection {
 public:
  Connection(asio::io_context& io, RedisAddress address, RedisStateListener on_state, std::size_t max_reply)
      : address_(std::move(address)),
        on_state_(std::move(on_state)),
        max_reply_(max_reply),
        names_(io, address_.host, address_.port),
        socket_(io),
        timer_(io),
        executor_(io.get_executor()) {}
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Posted, so that no listener runs before the constructor of its owner has finished.
  static void start(const std::shared_ptr<Connection>& self) {
    self->self_ = self;
    asio::post(self->executor_, [self] { self->connect(); });
  }

  void stop() {
    if (stopped_) return;
    stopped_ = true;
    ++timer_turn_;
    timer_.cancel();
    close();
  }

  bool is_ready() const { return ready_; }

 protected:
  // Connected: send the set-up commands and call became_ready() when they have succeeded.
  virtual void greet() = 0;
  virtual void ping() = 0;
  // A reply to a command, or a push message. May drop() the connection.
  virtual void on_reply(const RespReply& reply) = 0;
  virtual void on_closed() {}

  void became_ready() {
    if (stopped_ || ready_) return;
    ready_ = true;
    ready_since_ = Clock::now();
    reported_.clear();
    watch();
    on_state_(true, {});
  }

  // Ends the connection; reconnects after a pause.
  void drop(std::string_view reason) {
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

  // Queues a command; write_now() sends queued commands as far as the socket accepts them without blocking.
  bool send(std::initializer_list<std::string_view> arguments) {
    if (is_up_) append_command(unsent_, arguments);
    return is_up_;
  }
  void write_now() {
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

  std::size_t unsent_bytes() const { return unsent_.size() - sent_; }

  bool stopped_ = false;
  std::atomic<bool> ready_{false};

 private:
  using GenericSocket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;
  using Endpoint = asio::generic::stream_protocol::endpoint;

  // ---- connecting

  void connect() {
    if (stopped_) return;
    set_timer(connect_timeout, &Connection::on_connect_timeout);
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

  void open(const Endpoint& endpoint) {
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

  void on_connect() {
    error_code error;
    socket_.non_blocking(true, error);
    if (error) return drop(error.message());
    reader_.emplace(max_reply_);
    last_heard_ = Clock::now();
    pinged_ = false;
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
    greet();
    read();
    write_now();
  }

  void on_connect_timeout() {
    if (is_up_)
      drop("no answer in time");
    else
      retry("cannot resolve " + address_.host + " in time");
  }

  // ---- disconnecting

  void close() {
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
  void retry(const std::string& reason) {
    set_timer(backoff_.next(), &Connection::connect);
    if (std::exchange(reported_, reason) != reason) on_state_(false, reason);
  }

  // ---- keep-alive

  // Redis answers a ping at once, so a silent peer is dead even if TCP still considers the connection open.
  void watch() {
    if (!is_up_ || !ready_) return;
    const auto silence = Clock::now() - last_heard_;
    if (silence >= dead_after) return drop("no answer to a ping");
    if (silence >= ping_after && !pinged_) {
      pinged_ = true;
      ping();
      write_now();
    }
    set_timer(watch_period, &Connection::watch);
  }

  // One timer, used for one purpose at a time.
  void set_timer(Clock::duration wait, void (Connection::*then)()) {
    timer_.expires_after(wait);
    timer_.async_wait([self = self_.lock(), turn = ++timer_turn_, then](error_code error) {
      if (!error && turn == self->timer_turn_ && !self->stopped_) ((*self).*then)();
    });
  }

  // ---- replies

  void read() {
    if (!is_up_) return;
    socket_.async_read_some(
        asio::buffer(chunk_), [self = self_.lock(), turn = turn_](error_code error, std::size_t size) {
          if (turn != self->turn_) return;
          if (error) return self->drop(error == asio::error::eof ? "closed by Redis" : error.message());
          self->last_heard_ = Clock::now();
          self->pinged_ = false;
          self->take({self->chunk_.data(), size});
          self->read();
        });
  }

  // A reply may end the connection or start the next step.
  void take(std::string_view bytes) {
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

  const RedisAddress address_;
  RedisStateListener on_state_;
  const std::size_t max_reply_;
  NameLookup names_;
  GenericSocket socket_;
  Timer timer_;
  Executor executor_;
  std::weak_ptr<Connection> self_;
  Backoff backoff_;
  bool is_up_ = false;            // connected or connecting
  std::string reason_;            // why the connection ended
  std::string reported_;          // the last reason reported
  std::size_t tries_ = 0;         // selects the addresses of a name in turn
  std::uint64_t timer_turn_ = 0;  // a pending wait of an earlier turn is ignored
  std::uint64_t turn_ = 0;        // the same for the socket: one turn per connection
  std::optional<RespReader> reader_;
  std::array<char, read_bytes> chunk_;
  std::string unsent_;
  std::size_t sent_ = 0;  // bytes of those
  bool waits_to_write_ = false;
  int unprepared_ = 0;  // outstanding replies to commands sent before greet()
  bool pinged_ = false;
  Clock::time_point last_heard_;
  Clock::time_point ready_since_;
};

}  // namespace

// ---- publisher

struct RedisPublisher::Impl final : Connection {
  struct Item {
    std::string channel;
    std::shared_ptr<const std::string> message;
  };

  Impl(asio::io_context& io_, RedisAddress address, RedisStateListener on_state)
      : Connection(io_, std::move(address), std::move(on_state), max_reply_bytes), io(io_) {}

  enum class Sent { ping, message };

  void greet() override { ping(); }
  void ping() override {
    if (send({"PING"})) sent.push_back(Sent::ping);
  }

  // A message without a reply may have been published or not.
  void on_reply(const RespReply& reply) override {
    if (sent.empty()) return drop("a reply without a command");
    const auto what = sent.front();
    sent.pop_front();
    if (what == Sent::message && reply.kind != RespReply::Kind::integer) ++dropped;
    if (reply.kind == RespReply::Kind::error) return drop(reason_of(reply));
    const auto expected = what == Sent::ping ? RespReply::Kind::text : RespReply::Kind::integer;
    if (reply.kind != expected) return drop("an unexpected reply");
    if (what == Sent::ping) became_ready();
  }

  void on_closed() override {
    dropped += static_cast<std::uint64_t>(std::count(sent.begin(), sent.end(), Sent::message));
    sent.clear();
    std::lock_guard lock(mutex);
    dropped += queue.size();
    queue.clear();
    queued_bytes = 0;
  }

  // Sends all queued messages with as few writes as possible.
  void drain() {
    {
      std::lock_guard lock(mutex);
      sending.swap(queue);
      queued_bytes = 0;
      is_posted = false;
    }
    for (const auto& item : sending) {
      if (ready_ && unsent_bytes() + item.message->size() > max_unsent_bytes) drop("too many unsent bytes");
      if (ready_ && send({"PUBLISH", item.channel, *item.message}))
        sent.push_back(Sent::message);
      else
        ++dropped;
    }
    sending.clear();
    write_now();
  }

  std::mutex mutex;  // the queue, its bytes and whether drain() is running
  std::vector<Item> queue;
  std::size_t queued_bytes = 0;
  bool is_posted = false;
  std::vector<Item> sending;  // used in drain() only; keeps its capacity
  std::deque<Sent> sent;      // not answered yet
  std::atomic<std::uint64_t> dropped{0};
  asio::io_context& io;
};

RedisPublisher::RedisPublisher(asio::io_context& io, RedisAddress address, RedisStateListener on_state)
    : impl_(std::make_shared<Impl>(io, std::move(address), std::move(on_state))) {
  Connection::start(impl_);
}

RedisPublisher::~RedisPublisher() { stop(); }

void RedisPublisher::publish(std::string_view channel, std::shared_ptr<const std::string> message) {
  {
    std::lock_guard lock(impl_->mutex);
    const auto size = message->size();
    if (!impl_->is_ready() || impl_->queued_bytes + size > max_unsent_bytes) {
      ++impl_->dropped;
      return;
    }
    impl_->queued_bytes += size;
    impl_->queue.push_back({std::string(channel), std::move(message)});
    if (impl_->is_posted) return;
    impl_->is_posted = true;
  }
  asio::post(impl_->io, [impl = impl_] { impl->drain(); });
}

bool RedisPublisher::is_connected() const { return impl_->is_ready(); }
std::uint64_t RedisPublisher::dropped() const { return impl_->dropped; }
void RedisPublisher::stop() { impl_->stop(); }

// ---- subscriber

struct RedisSubscriber::Impl final : Connection {
  Impl(asio::io_context& io, RedisAddress address, RedisStateListener on_state, std::string channel_,
       std::function<void(std::string_view)> on_message_)
      : Connection(io, std::move(address), std::move(on_state), max_message_bytes + max_framing_bytes),
        channel(std::move(channel_)),
        on_message(std::move(on_message_)) {}

  void greet() override { send({"SUBSCRIBE", channel}); }
  void ping() override { send({"PING"}); }

  // On a subscribed connection every reply is an array that starts with its kind.
  void on_reply(const RespReply& reply) override {
    using Kind = RespReply::Kind;
    if (reply.kind == Kind::error) return drop(reason_of(reply));
    const auto& parts = reply.elements;
    const auto is_text = [&](std::size_t i, std::string_view text) {
      return i < parts.size() && parts[i].kind == Kind::text && parts[i].text == text;
    };
    if (!ready_) {
      if (parts.size() == 3 && is_text(0, "subscribe") && is_text(1, channel)) return became_ready();
    } else if (is_text(0, "message") && is_text(1, channel) && parts.size() == 3 &&
               parts[2].kind == Kind::text) {
      return on_message(parts[2].text);
    } else if (is_text(0, "pong") && parts.size() == 2) {
      return;
    }
    drop("an unexpected reply to a subscription");
  }

  const std::string channel;
  const std::function<void(std::string_view)> on_message;
};

RedisSubscriber::RedisSubscriber(asio::io_context& io, RedisAddress address, std::string channel,
                                 std::function<void(std::string_view message)> on_message,
                                 RedisStateListener on_state)
    : impl_(std::make_shared<Impl>(io, std::move(address), std::move(on_state), std::move(channel),
                                   std::move(on_message))) {
  Connection::start(impl_);
}

RedisSubscriber::~RedisSubscriber() { stop(); }
void RedisSubscriber::stop() { impl_->stop(); }

}  // namespace revoked::cache
