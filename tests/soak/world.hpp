#pragma once
// An engine, a Redis and gateways, on separate hosts and with a disk for the engine where that is permitted,
// and proxies that disturb the bus. Only the thread that created it starts and ends processes.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/bus_proxy.hpp"
#include "tests/support/gateway_observer.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/signed_bus.hpp"
#include "tests/support/small_disk.hpp"

namespace revoked::soak {

using namespace std::chrono_literals;

class World {
 public:
  static constexpr auto lease = 1500ms;
  static constexpr std::size_t gateways = 3;  // the last one has an unsigned channel, and the engine's feed
  static constexpr std::size_t engine_host = 0;
  static constexpr std::size_t redis_host = 1;
  static constexpr std::size_t first_gateway_host = 2;

  explicit World(std::uint32_t seed);

  // Moves the calling thread to that host, if there are hosts.
  class Stay {
   public:
    Stay(const World& world, std::size_t host) {
      if (world.network) stay_.emplace(*world.network, host);
    }

   private:
    std::optional<test::Network::Stay> stay_;
  };

  test::GatewayObserver::Options observed(std::size_t gateway) const;

  std::optional<test::Network> network;
  test::SignedBus bus;
  std::optional<test::RedisServer> redis;
  std::unique_ptr<test::BusProxy> to_redis;    // used by the engine
  std::unique_ptr<test::BusProxy> from_redis;  // used by the first gateway
  std::optional<test::EngineProcess> engine;
  std::optional<test::SmallDisk> disk;  // for its data; not mounted if that is not permitted
  std::vector<std::unique_ptr<test::GatewayProcess>> gateway;

 private:
  std::string address(std::size_t host) const { return network ? network->address(host) : "127.0.0.1"; }
};

}  // namespace revoked::soak
