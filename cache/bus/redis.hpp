#pragma once
// Redis publish/subscribe, on one io_context. A hint only (P10): nothing is queued while Redis is
// disconnected, and nothing is resent. Reconnects with exponential backoff and jitter until stopped. An
// unexpected reply from Redis ends the connection, never the process.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cache/wire/asio.hpp"
#include "cache/wire/tls.hpp"
#include "engine/base/error.hpp"
#include "engine/model/event.hpp"

namespace revoked::cache {

struct RedisServer {
  std::string host;
  std::uint16_t port = 6379;
  bool operator==(const RedisServer&) const = default;
};
std::string to_string(const RedisServer& server);

// redis://[user:pass@]host[:port][,host[:port]…][/db]: a Redis, or nodes of a Cluster, each tried in its turn
// redis+sentinel://[user:pass@]host[:port][,host[:port]…]/NAME[/db]: the primary that Sentinels know as NAME
// rediss://…, rediss+sentinel://…: the same with TLS
// unix:///path
struct RedisAddress {
  static constexpr std::size_t max_servers = 16;

  std::vector<RedisServer> servers;
  std::string primary_name;  // not empty: `servers` are Sentinels
  std::string unix_path;     // used instead of `servers` if not empty
  std::string user;
  std::string password;
  int database = 0;
  bool uses_tls = false;
  std::shared_ptr<TlsClient> tls{};  // null, with uses_tls: the system's CAs are trusted
};
engine::result<RedisAddress> parse_redis_url(std::string_view url);
// For logs: without the password.
std::string to_string(const RedisAddress& address);

// Called on the io_context's thread when a connection is ready for use (with the server, if the address does
// not name one), and when it is lost or cannot be made (with the reason; a reason is not repeated until a
// connection has been ready again).
using RedisStateListener = std::function<void(bool connected, std::string_view detail)>;
// For a log: "connected", "connected to SERVER", or the reason.
std::string describe_redis_state(bool connected, std::string_view detail);

// Of a connection on which nothing is received.
struct RedisKeepAlive {
  std::chrono::milliseconds ping_after{1000};
  std::chrono::milliseconds dead_after{4000};  // no answer to the ping: the connection is given up
};

class RedisPublisher {
 public:
  // Starts connecting at once.
  RedisPublisher(asio::io_context& io, RedisAddress address, RedisStateListener on_state,
                 RedisKeepAlive keep_alive = {});
  ~RedisPublisher();  // after `io` has stopped running, or on its thread

  // From any thread; never blocks on the network. Messages are published in the order of the calls. Dropped,
  // and counted, while disconnected or when more than `max_unsent_bytes` are queued.
  void publish(std::string_view channel, std::shared_ptr<const std::string> message);

  bool is_connected() const;      // from any thread
  bool is_idle() const;           // on the io_context's thread: all messages were published or dropped
  std::uint64_t dropped() const;  // from any thread; includes messages whose fate is unknown
  void stop();                    // on the io_context's thread; no callbacks after it

  static constexpr std::size_t max_unsent_bytes = 64 << 20;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

class RedisSubscriber {
 public:
  // Both callbacks run on the io_context's thread. `on_state` reports connected once the subscription is
  // confirmed.
  RedisSubscriber(asio::io_context& io, RedisAddress address, std::string channel,
                  std::function<void(std::string_view message)> on_message, RedisStateListener on_state,
                  RedisKeepAlive keep_alive = {});
  ~RedisSubscriber();
  void stop();  // as above

  static constexpr std::size_t max_message_bytes =
      engine::max_message_bytes;  // a larger message ends the connection

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace revoked::cache
