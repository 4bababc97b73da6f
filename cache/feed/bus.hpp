#pragma once
// Publishes the feed's messages on Redis, if configured, passes the gateways' reports from there to the
// registry, and makes a heartbeat each second. Runs its own thread.

#include <optional>
#include <string_view>
#include <thread>

#include "cache/bus/bus_keys.hpp"
#include "cache/bus/redis.hpp"
#include "cache/feed/feed.hpp"
#include "cache/feed/gateway_registry.hpp"

namespace revoked::cache {

class Bus {
 public:
  // `detail`: see RedisStateListener.
  using OnRedisState = std::function<void(bool connected, std::string_view address, std::string_view detail)>;

  // Construct before the journal starts; `feed` and `gateways` outlive it. Without keys messages are not
  // signed; with keys, reports without a valid signature are ignored. `on_state` (of publishing) and
  // `on_reports_state` (of the subscription to reports) are called on the bus' thread.
  Bus(Feed& feed, GatewayRegistry& gateways, const std::optional<RedisAddress>& address, BusKeys keys,
      OnRedisState on_state, OnRedisState on_reports_state);
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  // From any thread.
  bool has_redis() const { return publisher_.has_value(); }
  bool is_connected() const { return publisher_ && publisher_->is_connected(); }
  struct Counts {
    std::uint64_t unpublished;  // messages that Redis did not confirm
    std::uint64_t reports, unsigned_reports, unreadable_reports;
  };
  Counts counts() const;

 private:
  Task<> send_heartbeats();
  void on_report(std::string_view json);

  asio::io_context io_{1};
  Feed& feed_;
  GatewayRegistry& gateways_;
  const BusKeys keys_;
  std::optional<RedisPublisher> publisher_;
  std::optional<RedisSubscriber> reports_;
  Timer timer_;
  bool stopping_ = false;                                                     // used on the thread only
  engine::Counter reports_received_, unsigned_reports_, unreadable_reports_;  // added to by the thread
  std::thread thread_;
};

}  // namespace revoked::cache
