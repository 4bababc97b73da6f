#pragma once
// A connection to Redis that reconnects until stopped; what a publisher and a subscriber have in common.
// Internal to this room. Everything but is_ready() runs on the io_context's thread. Handlers on the
// io_context hold it, so that they never use freed memory. An unexpected reply ends the connection.

#include <array>
#include <atomic>
#include <boost/asio/generic/stream_protocol.hpp>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cache/bus/redis.hpp"
#include "cache/bus/resp.hpp"
#include "cache/wire/asio.hpp"
#include "cache/wire/backoff.hpp"
#include "cache/wire/endpoint.hpp"

namespace revoked::cache {

// An error text of Redis, for a log.
std::string reason_of(const RespReply& error);

class RedisConnection {
 public:
  RedisConnection(asio::io_context& io, RedisAddress address, RedisStateListener on_state,
                  std::size_t max_reply_bytes, RedisKeepAlive keep_alive);
  virtual ~RedisConnection() = default;
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // Posted, so that no listener runs before the constructor of its owner has finished.
  static void start(const std::shared_ptr<RedisConnection>& self);
  void stop();
  bool is_ready() const { return ready_; }  // from any thread

 protected:
  // Connected: send the set-up commands and call became_ready() when they have succeeded.
  virtual void greet() = 0;
  virtual void ping() = 0;
  // A reply to a command, or a push message. May drop() the connection.
  virtual void on_reply(const RespReply& reply) = 0;
  virtual void on_closed() {}

  void became_ready();
  // Ends the connection; reconnects after a pause.
  void drop(std::string_view reason);

  // Queues a command; write_now() sends queued commands as far as the socket accepts them without blocking.
  bool send(std::initializer_list<std::string_view> arguments);
  void write_now();
  std::size_t unsent_bytes() const { return unsent_.size() - sent_; }

 private:
  using Clock = std::chrono::steady_clock;
  using GenericSocket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;
  using Endpoint = asio::generic::stream_protocol::endpoint;

  void connect();
  void open(const Endpoint& endpoint);
  void on_connect();
  void prepare();
  void on_connect_timeout();
  void close();
  void retry(const std::string& reason);
  void watch();
  void set_timer(Clock::duration wait, void (RedisConnection::*then)());
  void read();
  void on_bytes(std::string_view bytes);

  static constexpr std::size_t read_bytes = 64 << 10;

  const RedisAddress address_;
  RedisStateListener on_state_;
  const std::size_t max_reply_bytes_;
  const RedisKeepAlive keep_alive_;
  NameLookup names_;
  GenericSocket socket_;
  Timer timer_;
  Executor executor_;
  std::weak_ptr<RedisConnection> self_;
  Backoff backoff_;
  bool stopped_ = false;
  bool is_up_ = false;  // connected or connecting
  std::atomic<bool> ready_{false};
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
  Clock::time_point last_received_;
  Clock::time_point ready_since_;
};

}  // namespace revoked::cache
