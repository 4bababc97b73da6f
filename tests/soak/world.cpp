#include "tests/soak/world.hpp"

namespace revoked::soak {
namespace {

constexpr auto disk_size = "1g";  // log and index of an hour, and the reserve

}  // namespace

World::World(std::uint32_t seed) {
  if (test::Network::is_permitted()) network.emplace(first_gateway_host + gateways);
  const std::string any = network ? "0.0.0.0" : "127.0.0.1";
  {
    const Stay stay(*this, redis_host);
    redis.emplace(std::vector<std::string>{"--bind", any, "--protected-mode", "no"});
    to_redis = std::make_unique<test::BusProxy>(redis->port(), seed, address(redis_host));
    from_redis = std::make_unique<test::BusProxy>(redis->port(), seed + 1, address(redis_host));
  }
  {
    const Stay stay(*this, engine_host);
    engine.emplace(test::EngineProcess::Options{
        .redis_url = to_redis->url(), .arguments = bus.arguments({"--threads", "2"}), .host = any});
    engine->stop();
    disk.emplace(engine->data_directory(), disk_size);
    engine->start();
  }
  const auto engine_url = "http://" + address(engine_host) + ":" + std::to_string(engine->port());
  const auto direct = "redis://" + address(redis_host) + ":" + std::to_string(redis->port());
  for (std::size_t i = 0; i < gateways; ++i) {
    const Stay stay(*this, first_gateway_host + i);
    std::vector<std::string> arguments{"--stale-after", std::to_string(lease.count()) + "ms",
                                       "--threads",     "1",
                                       "--name",        "gateway-" + std::to_string(i)};
    const bool is_signed = i + 1 < gateways;
    gateway.push_back(std::make_unique<test::GatewayProcess>(
        *engine,
        test::GatewayProcess::Options{.engine_url = engine_url,
                                      .redis_url = i == 0 ? from_redis->url() : direct,
                                      .arguments = is_signed ? bus.arguments(arguments) : arguments}));
  }
}

test::GatewayObserver::Options World::observed(std::size_t i) const {
  return {.name = "gateway " + std::to_string(i),
          .port = gateway[i]->port(),
          .network = network ? &*network : nullptr,
          .host = first_gateway_host + i};
}

}  // namespace revoked::soak
