// hiredis' asynchronous contexts, driven by Asio. A context serves one connection and frees itself when that
// ends; it owns the descriptor; whatever is unanswered then gets a null reply.
#include "cache/redis.hpp"

#include <hiredis/async.h>
#include <pthread.h>

#include <array>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <mutex>
#include <vector>

#include "cache/backoff.hpp"
#include "cache/endpoint.hpp"

namespace revoked::cache {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto connect_timeout = 2s;  // from the look-up of the name until the connection can be used
constexpr auto ping_after = 1s;       // of silence
constexpr auto dead_after = 4s;       // of silence: nothing came back for 3 s
constexpr auto watch_period = 250ms;
constexpr auto steady_after = 2s;  // a connection that lasted so long was a good one
constexpr std::size_t max_reply_bytes = 64 << 20;

// hiredis writes with write(2), which raises SIGPIPE on a broken connection. The thread that drives the
// connections does not want it.
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

std::string_view text_of(const redisReply& reply) { return {reply.str, reply.len}; }

// A connection to Redis that is made again whenever it is lost, until stopped. What runs on the io_context
// holds `self_`, so that nothing outlives the memory it uses.
class Connection {
 public:
  Connection(asio::io_context& io, RedisAddress address, RedisStateListener on_state)
      : address_(std::move(address)),
        on_state_(std::move(on_state)),
        names_(io, address_.host, address_.port),
        descriptor_(io),
        timer_(io),
        executor_(io.get_executor()) {}
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // From the loop, so that no listener runs before the constructor of whoever listens is through.
  static void start(const std::shared_ptr<Connection>& self) {
    self->self_ = self;
    asio::post(self->executor_, [self] { self->connect(); });
  }

  void stop() {
    if (stopped_) return;
    stopped_ = true;
    ready_ = false;
    ++timer_turn_;
    timer_.cancel();
    if (context_) redisAsyncFree(context_);
  }

  bool is_ready() const { return ready_; }

 protected:
  // The connection stands: send the commands that make it useful and call became_ready() when they succeeded.
  virtual void greet() = 0;
  virtual void ping() = 0;
  virtual void on_closed() {}

  void became_ready() {
    if (stopped_ || ready_) return;
    ready_ = true;
    ready_since_ = Clock::now();
    told_.clear();
    watch();
    on_state_(true, {});
  }

  // Ends the connection; the next one is made after a pause. Never from `on_connect`: hiredis goes on using
  // the context there.
  void drop(std::string_view reason) {
    if (!context_) return;
    if (reason_.empty()) reason_ = reason;
    redisAsyncFree(context_);
  }

  bool send(std::initializer_list<std::string_view> arguments, redisCallbackFn* on_reply) {
    std::array<const char*, 4> text;
    std::array<std::size_t, 4> size;
    int count = 0;
    for (const auto argument : arguments) {
      text[count] = argument.data();
      size[count++] = argument.size();
    }
    return context_ &&
           redisAsyncCommandArgv(context_, on_reply, this, count, text.data(), size.data()) == REDIS_OK;
  }

  // Between these two, send() only gathers; then all of it is written, without waiting for the loop to find
  // the descriptor writable.
  void hold_writes() { holds_writes_ = true; }
  void write_now() {
    holds_writes_ = false;
    if (context_) redisAsyncHandleWrite(context_);
  }

  void request_write() {
    wants_write_ = true;
    if (!holds_writes_) arm(asio::posix::descriptor_base::wait_write);
  }

  std::size_t unsent_bytes() const { return context_ ? sdslen(context_->c.obuf) : 0; }

  bool stopped_ = false;
  std::atomic<bool> ready_{false};
  redisAsyncContext* context_ = nullptr;  // null while there is no connection

 private:
  using Descriptor = asio::posix::basic_stream_descriptor<Executor>;

  // ---- making a connection

  void connect() {
    if (stopped_) return;
    block_sigpipe();
    set_timer(connect_timeout, &Connection::on_connect_timeout);
    if (!address_.unix_path.empty()) return open(redisAsyncConnectUnix(address_.unix_path.c_str()));
    names_.find([self = self_, turn = timer_turn_](error_code error, const TcpEndpoints& endpoints) {
      const auto link = self.lock();
      if (!link || link->stopped_ || turn != link->timer_turn_) return;
      if (error) return link->retry("cannot find " + link->address_.host + ": " + error.message());
      const auto& endpoint = endpoints[link->tries_++ % endpoints.size()];
      link->open(redisAsyncConnect(endpoint.address().to_string().c_str(), endpoint.port()));
    });
  }

  void open(redisAsyncContext* context) {
    if (!context) return retry("out of memory");
    if (context->err) {
      const std::string reason = context->errstr;
      redisAsyncFree(context);
      return retry(reason);
    }
    context_ = context;
    reason_.clear();
    descriptor_.assign(context->c.fd);
    context->data = this;
    context->ev.data = this;
    context->ev.addRead = [](void* self) { static_cast<Connection*>(self)->request_read(); };
    context->ev.delRead = [](void* self) { static_cast<Connection*>(self)->wants_read_ = false; };
    context->ev.addWrite = [](void* self) { static_cast<Connection*>(self)->request_write(); };
    context->ev.delWrite = [](void* self) { static_cast<Connection*>(self)->wants_write_ = false; };
    context->ev.cleanup = [](void* self) { static_cast<Connection*>(self)->context_ends(); };
    redisAsyncSetConnectCallback(context, [](const redisAsyncContext* connected, int status) {
      if (status == REDIS_OK) static_cast<Connection*>(connected->data)->on_connect();
    });
  }

  void on_connect() {
    last_heard_ = Clock::now();
    pinged_ = false;
    if (!address_.password.empty()) {
      if (address_.user.empty())
        send({"AUTH", address_.password}, &Connection::on_preparation);
      else
        send({"AUTH", address_.user, address_.password}, &Connection::on_preparation);
    }
    if (address_.database != 0)
      send({"SELECT", std::to_string(address_.database)}, &Connection::on_preparation);
    greet();
  }

  static void on_preparation(redisAsyncContext* context, void* reply_data, void*) {
    const auto* reply = static_cast<const redisReply*>(reply_data);
    if (reply && reply->type == REDIS_REPLY_ERROR)
      static_cast<Connection*>(context->data)->drop(text_of(*reply));
  }

  void on_connect_timeout() {
    if (context_)
      drop("no answer in time");
    else
      retry("cannot find " + address_.host + " in time");
  }

  // ---- losing it

  // hiredis is about to close the descriptor and to free the context; it is on the stack still, so what
  // follows from that happens later, from the loop.
  void context_ends() {
    if (reason_.empty()) reason_ = context_->err ? context_->errstr : "closed";
    context_ = nullptr;
    ++turn_;
    wants_read_ = wants_write_ = reading_ = writing_ = false;
    descriptor_.release();
    const bool was_ready = ready_.exchange(false);
    on_closed();
    if (stopped_) return;
    ++timer_turn_;
    asio::post(executor_, [self = self_.lock(), was_ready] {
      if (!self || self->stopped_) return;
      if (was_ready && Clock::now() - self->ready_since_ >= steady_after) self->backoff_.reset();
      self->retry(self->reason_);
    });
  }

  // A reason is told once, not at every try.
  void retry(const std::string& reason) {
    set_timer(backoff_.next(), &Connection::connect);
    if (std::exchange(told_, reason) != reason) on_state_(false, reason);
  }

  // ---- keeping it

  // Redis answers a ping at once, so a silent peer is a dead one, whatever the kernel thinks of the
  // connection.
  void watch() {
    if (!context_ || !ready_) return;
    const auto silence = Clock::now() - last_heard_;
    if (silence >= dead_after) return drop("no answer to a ping");
    if (silence >= ping_after && !pinged_) {
      pinged_ = true;
      ping();
    }
    set_timer(watch_period, &Connection::watch);
  }

  // One timer, for one purpose at a time.
  void set_timer(Clock::duration wait, void (Connection::*then)()) {
    timer_.expires_after(wait);
    timer_.async_wait([self = self_.lock(), turn = ++timer_turn_, then](error_code error) {
      if (!error && turn == self->timer_turn_ && !self->stopped_) ((*self).*then)();
    });
  }

  // ---- the descriptor

  void request_read() {
    wants_read_ = true;
    arm(asio::posix::descriptor_base::wait_read);
  }

  void arm(asio::posix::descriptor_base::wait_type what) {
    bool& armed = what == asio::posix::descriptor_base::wait_read ? reading_ : writing_;
    auto self = self_.lock();
    if (armed || !context_ || !self) return;
    armed = true;
    descriptor_.async_wait(what, [self = std::move(self), what, turn = turn_](error_code error) {
      if (turn == self->turn_) self->on_wait(what, error);
    });
  }

  // Either call may end the connection, and with it the context.
  void on_wait(asio::posix::descriptor_base::wait_type what, error_code error) {
    const bool read = what == asio::posix::descriptor_base::wait_read;
    (read ? reading_ : writing_) = false;
    if (error || !context_ || !(read ? wants_read_ : wants_write_)) return;
    if (!read) return redisAsyncHandleWrite(context_);
    last_heard_ = Clock::now();
    pinged_ = false;
    redisAsyncHandleRead(context_);
    if (context_ && context_->c.reader->len > max_reply_bytes) drop("too large a reply");
  }

  const RedisAddress address_;
  RedisStateListener on_state_;
  NameLookup names_;
  Descriptor descriptor_;
  Timer timer_;
  Executor executor_;
  std::weak_ptr<Connection> self_;
  Backoff backoff_;
  std::string reason_;            // why the connection ended
  std::string told_;              // the last reason told
  std::size_t tries_ = 0;         // takes the addresses of a name in turn
  std::uint64_t timer_turn_ = 0;  // a wait of an earlier turn that is on its way counts no more
  std::uint64_t turn_ = 0;        // the same for the descriptor: one turn a connection
  bool wants_read_ = false, wants_write_ = false;
  bool reading_ = false, writing_ = false;
  bool holds_writes_ = false;
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

  using Connection::Connection;

  void greet() override { send({"PING"}, &Impl::on_ping); }
  void ping() override { send({"PING"}, &Impl::on_ping); }

  static void on_ping(redisAsyncContext* context, void* reply_data, void*) {
    const auto* reply = static_cast<const redisReply*>(reply_data);
    if (!reply) return;
    auto* self = static_cast<Impl*>(static_cast<Connection*>(context->data));
    if (reply->type == REDIS_REPLY_ERROR) return self->drop(text_of(*reply));
    self->became_ready();
  }

  // A message without an answer may have been published or not.
  static void on_published(redisAsyncContext* context, void* reply_data, void*) {
    const auto* reply = static_cast<const redisReply*>(reply_data);
    auto* self = static_cast<Impl*>(static_cast<Connection*>(context->data));
    if (reply && reply->type != REDIS_REPLY_ERROR) return;
    ++self->dropped;
    if (reply) self->drop(text_of(*reply));
  }

  void on_closed() override {
    std::lock_guard lock(mutex);
    dropped += queue.size();
    queue.clear();
    queued_bytes = 0;
  }

  // Everything that waits goes out with as few writes as possible.
  void drain() {
    {
      std::lock_guard lock(mutex);
      sending.swap(queue);
      queued_bytes = 0;
      is_posted = false;
    }
    hold_writes();
    for (const auto& item : sending) {
      if (ready_ && unsent_bytes() + item.message->size() > max_unsent_bytes) drop("too much is unsent");
      if (!ready_ || !send({"PUBLISH", item.channel, *item.message}, &Impl::on_published)) ++dropped;
    }
    sending.clear();
    write_now();
  }

  std::mutex mutex;  // of the queue, the bytes in it and whether drain() is under way
  std::vector<Item> queue;
  std::size_t queued_bytes = 0;
  bool is_posted = false;
  std::vector<Item> sending;  // in drain() only; keeps its capacity
  std::atomic<std::uint64_t> dropped{0};
  asio::io_context* io = nullptr;
};

RedisPublisher::RedisPublisher(asio::io_context& io, RedisAddress address, RedisStateListener on_state)
    : impl_(std::make_shared<Impl>(io, std::move(address), std::move(on_state))) {
  impl_->io = &io;
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
  asio::post(*impl_->io, [impl = impl_] { impl->drain(); });
}

bool RedisPublisher::is_connected() const { return impl_->is_ready(); }
std::uint64_t RedisPublisher::dropped() const { return impl_->dropped; }
void RedisPublisher::stop() { impl_->stop(); }

// ---- subscriber

struct RedisSubscriber::Impl final : Connection {
  Impl(asio::io_context& io, RedisAddress address, RedisStateListener on_state, std::string channel_,
       std::function<void(std::string_view)> on_message_)
      : Connection(io, std::move(address), std::move(on_state)),
        channel(std::move(channel_)),
        on_message(std::move(on_message_)) {}

  void greet() override { send({"SUBSCRIBE", channel}, &Impl::on_reply); }

  // hiredis would keep a record of every command sent on a subscribed connection until it ends, so this one
  // is put past it into the buffer; its answer is an array that on_reply() ignores.
  void ping() override {
    constexpr std::string_view command = "*1\r\n$4\r\nPING\r\n";
    redisAppendFormattedCommand(&context_->c, command.data(), command.size());
    request_write();
  }

  static void on_reply(redisAsyncContext* context, void* reply_data, void*) {
    const auto* reply = static_cast<const redisReply*>(reply_data);
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) return;
    auto* self = static_cast<Impl*>(static_cast<Connection*>(context->data));
    if (self->stopped_ || reply->element[0]->type != REDIS_REPLY_STRING) return;
    const auto kind = text_of(*reply->element[0]);
    if (kind == "subscribe") return self->became_ready();
    if (kind == "message" && reply->element[2]->type == REDIS_REPLY_STRING)
      self->on_message(text_of(*reply->element[2]));
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
