#pragma once
// Redis publish/subscribe, on one io_context. A hint only (P10): nothing is queued while Redis is away, and
// nothing is repeated. Reconnects by itself, with exponential backoff and jitter, until stopped. Whatever
// comes from Redis that is not the reply expected ends the connection, and no more.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cache/wire/asio.hpp"
#include "engine/base/error.hpp"
#include "engine/model/event.hpp"

namespace revoked::cache {

// redis://[user:pass@]host[:port][/db] or unix:///path
struct RedisAddress {
  std::string host;
  std::uint16_t port = 6379;
  std::string unix_path;  // used instead of host and port if not empty
  std::string user;
  std::string password;
  int database = 0;
};
engine::result<RedisAddress> parse_redis_url(std::string_view url);
// For logs: never has the password in it.
std::string to_string(const RedisAddress& address);

// Called on the io_context's thread when a connection is ready for use, and when it is lost or cannot be made
// (with the reason, once for the same one).
using RedisStateListener = std::function<void(bool connected, std::string_view reason)>;

class RedisPublisher {
 public:
  // Starts to connect at once.
  RedisPublisher(asio::io_context& io, RedisAddress address, RedisStateListener on_state);
  ~RedisPublisher();  // after `io` has stopped running, or on its thread

  // From any thread; never blocks on the network. The order of the calls is the order of publishing. Dropped,
  // and counted, while there is no connection, or when more than `max_unsent_bytes` wait.
  void publish(std::string_view channel, std::shared_ptr<const std::string> message);

  bool is_connected() const;      // from any thread
  std::uint64_t dropped() const;  // from any thread; with those of which it is not known
  void stop();                    // on the io_context's thread; nothing happens after it

  static constexpr std::size_t max_unsent_bytes = 64 << 20;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

class RedisSubscriber {
 public:
  // Both callbacks run on the io_context's thread. `connected` is told once the subscription is confirmed.
  RedisSubscriber(asio::io_context& io, RedisAddress address, std::string channel,
                  std::function<void(std::string_view message)> on_message, RedisStateListener on_state);
  ~RedisSubscriber();
  void stop();  // as above

  static constexpr std::size_t max_message_bytes =
      engine::max_message_bytes;  // what is larger ends the connection

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace revoked::cache
