#pragma once
// A connection to Redis that reconnects until stopped; what a publisher and a subscriber have in common:
// to which server it goes, signing in, whether that server is the primary where Sentinels decide, and
// whether it still answers. Internal to this room. Everything but is_ready() runs on the io_context's thread.
// Handlers on the io_context hold it, so that they never use freed memory. An unexpected reply ends the
// connection.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/bus/redis.hpp"
#include "cache/bus/redis_sentinels.hpp"
#include "cache/bus/redis_servers.hpp"
#include "cache/bus/redis_stream.hpp"
#include "cache/bus/resp.hpp"
#include "cache/wire/asio.hpp"
#include "cache/wire/backoff.hpp"

namespace revoked::cache {

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
  // Called every second where Sentinels decide which server is the primary: send ROLE, if commands may be
  // sent, and pass its reply to on_role(), which drops a server that is not.
  virtual void ask_role() {}
  void on_role(const RespReply& reply);

  void became_ready();
  // Ends the connection; reconnects after a pause.
  void drop(std::string_view reason);

  // Queues a command; write_now() sends queued commands as far as the socket accepts them without blocking.
  bool send(std::initializer_list<std::string_view> arguments);
  void write_now();
  std::size_t unsent_bytes() const { return stream_ ? stream_->unsent_bytes() : 0; }

 private:
  using Clock = std::chrono::steady_clock;

  void connect();
  void on_primary(const RedisServer& primary);
  void look_up();
  void open(const RedisStream::Endpoint& endpoint);
  void on_open();
  void prepare();
  void on_prepared(const RespReply& reply);
  void on_connect_timeout();
  std::string server_name() const;
  void close();
  void retry(const std::string& reason);
  void pause();
  void report(const std::string& reason);
  void watch();
  void set_timer(Clock::duration wait, void (RedisConnection::*then)());
  void on_bytes(std::string_view bytes);

  asio::io_context& io_;
  const RedisAddress address_;
  RedisStateListener on_state_;
  const std::size_t max_reply_bytes_;
  const RedisKeepAlive keep_alive_;
  std::shared_ptr<RedisSentinels> sentinels_;  // null: every server of the address will do
  std::optional<RedisServers> servers_;        // none: the primary is not known yet
  RedisServer primary_;                        // that the Sentinels named last
  std::shared_ptr<RedisStream> stream_;        // null: not connected, and not connecting
  Timer timer_;
  std::weak_ptr<RedisConnection> self_;
  Backoff backoff_;
  bool stopped_ = false;
  bool asks_for_primary_ = false;  // and will connect to it
  std::atomic<bool> ready_{false};
  std::string reason_;                 // why the connection ended
  std::vector<std::string> reported_;  // the reasons reported since it was last ready
  std::uint64_t timer_turn_ = 0;       // a pending wait of an earlier turn is ignored
  std::optional<RespReader> reader_;
  enum class Preparation { sign_in, database, role };
  std::deque<Preparation> unprepared_;  // outstanding replies to commands sent before greet()
  bool pinged_ = false;
  Clock::time_point last_received_;
  Clock::time_point ready_since_;
  Clock::time_point role_asked_;
};

}  // namespace revoked::cache
