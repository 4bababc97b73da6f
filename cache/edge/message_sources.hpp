#pragma once
// Where a gateway's messages come from: Redis, if configured, and the engine's own feed unless Redis alone is
// enough. On the gateway's thread only. Everything that it refers to must outlive it.

#include <optional>
#include <string_view>

#include "cache/bus/redis.hpp"
#include "cache/edge/follower_driver.hpp"
#include "cache/edge/redis_watch.hpp"

namespace revoked::cache {

class MessageSources {
 public:
  // Subscribes at once, and passes on messages until stop().
  MessageSources(asio::io_context& io, const Gateway::Options& options, EngineClient& client,
                 FollowerDriver& driver, GatewayState& state, LogThrottle& log);

  // Starts or stops the feed, as needed. Must be called when the follower may have become stale.
  void choose_feed(Monotonic now);
  void stop();

 private:
  void on_redis_message(std::string_view json);
  void on_redis_state(bool connected, std::string_view detail);
  void start_feed();
  void on_feed_state(bool connected, std::string_view reason);

  const BusKeys& keys_;
  const bool redis_may_suffice_;  // unsigned messages prove nothing
  EngineClient& client_;
  FollowerDriver& driver_;
  GatewayState& state_;
  LogThrottle& log_;
  RedisWatch redis_watch_;
  bool follows_feed_ = false;
  bool stopped_ = false;
  std::optional<RedisSubscriber> subscriber_;
};

}  // namespace revoked::cache
