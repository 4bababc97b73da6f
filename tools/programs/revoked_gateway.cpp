// The gateway program: near cache, follower and `/check`.

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <iostream>
#include <thread>

#include "cache/edge/gateway.hpp"
#include "net/check/check_service.hpp"
#include "net/http/log.hpp"
#include "tools/programs/program.hpp"
#include "tools/programs/redis_options.hpp"

namespace {

using namespace revoked;
using tools::ConfigurationError;
namespace asio = boost::asio;

// Stays the same across restarts, unless the system picks the port.
std::string usual_name(const std::string& listen) {
  char host[65] = {};
  std::string name = ::gethostname(host, sizeof host - 1) == 0 ? host : "gateway";
  const auto port = listen.substr(listen.rfind(':') + 1);
  return name + ":" + (port == "0" ? "process-" + std::to_string(::getpid()) : port);
}

// For connections to the engine and to Redis.
constexpr std::size_t reserved_descriptors = 128;

struct Configuration {
  std::string listen = "127.0.0.1:7386";
  std::string engine = "http://127.0.0.1:7385";
  tools::RedisOptions redis;
  std::string engine_key_file;
  std::string bus_key_file;
  std::string name;
  std::string stale_after = "3s";
  std::string when_stale = "deny";
  std::size_t cache_entries = 1'000'000;
  std::size_t threads = std::max(1u, std::thread::hardware_concurrency());
  std::string log_level = "info";
};

std::optional<int> read_configuration(int argc, char** argv, Configuration& configuration) {
  tools::Options options("revoked-gateway", "Checks API keys at the edge.", "REVOKED_GATEWAY_");
  options.add("--listen", configuration.listen, "HOST:PORT to serve /check on; port 0 picks a free one");
  options.add("--engine", configuration.engine, "http://host:port of the engine");
  configuration.redis.add_to(options, "for invalidations", "the engine's feed");
  options.add("--engine-key-file", configuration.engine_key_file,
              "File with a key that has the permission gateway, or a master key");
  options.add(
      "--bus-key-file", configuration.bus_key_file,
      "File of keys that verify messages on Redis, one a line; none: such messages are hints, and the "
      "engine's feed is followed");
  options.add("--name", configuration.name,
              "Name of this gateway in its reports; none: HOST:PORT of this machine");
  options.add("--stale-after", configuration.stale_after,
              "Stale this long after the last proof that no event is missing");
  options.add("--when-stale", configuration.when_stale,
              "When stale: deny, ask the engine, or serve from memory", {"deny", "ask", "serve"});
  options.add("--cache-entries", configuration.cache_entries, "Decisions kept in memory",
              tools::Range{1, 1'000'000'000});
  options.add("--threads", configuration.threads, "Network threads", tools::Range{1, 1024});
  options.add("--log-level", configuration.log_level, "debug, info, warning or error");
  return options.parse(argc, argv);
}

cache::Gateway::Options gateway_options(const Configuration& configuration) {
  cache::Gateway::Options options;
  const auto engine = cache::parse_engine_url(configuration.engine);
  if (!engine) throw ConfigurationError("--engine: '" + configuration.engine + "' is not http://host:port");
  options.engine.address = *engine;
  if (configuration.engine_key_file.empty()) throw ConfigurationError("--engine-key-file is required");
  options.engine.credential = tools::read_keys(configuration.engine_key_file).front();
  options.redis = tools::parse_redis(configuration.redis);
  options.bus_keys = tools::read_bus_keys(configuration.bus_key_file);
  options.cache.max_entries = configuration.cache_entries;
  options.follower.lease = tools::parse_duration(configuration.stale_after, "--stale-after");
  options.when_stale = configuration.when_stale == "ask"     ? cache::WhenStale::ask
                       : configuration.when_stale == "serve" ? cache::WhenStale::serve
                                                             : cache::WhenStale::deny;
  options.name = configuration.name.empty() ? usual_name(configuration.listen) : configuration.name;
  if (!cache::is_gateway_name(options.name))
    throw ConfigurationError("--name: must be 1 to 128 bytes of printable UTF-8");
  options.version = tools::version;
  return options;
}

// Announces readiness when the gateway is fresh, or after `patience` without an engine: the policy then
// decides. By reference: all three outlive the run of `io`.
cache::Task<> announce_when_fresh(asio::io_context& io, const cache::Gateway& gateway, std::string address,
                                  const net::Server& server) {
  constexpr auto patience = std::chrono::seconds(3);
  constexpr auto look_every = std::chrono::milliseconds(5);
  cache::Timer timer(io.get_executor());
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (gateway.status().coverage != cache::Gateway::Coverage::fresh &&
         std::chrono::steady_clock::now() < give_up) {
    timer.expires_after(look_every);
    co_await timer.async_wait(cache::as_result);
  }
  tools::announce("revoked-gateway", address, server);
}

int serve(const Configuration& configuration) {
  tools::set_log_level(configuration.log_level);
  const auto server_options =
      tools::parse_listen(configuration.listen, configuration.threads, reserved_descriptors);
  std::signal(SIGPIPE, SIG_IGN);

  asio::io_context main_io(1);
  asio::signal_set signals(main_io, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) { main_io.stop(); });

  cache::Gateway gateway(gateway_options(configuration), [](std::string_view source, std::string_view what) {
    net::log(net::Level::info, what, {{"source", source}});
  });
  net::CheckService service(gateway);
  const auto server = tools::listen(server_options, service, nullptr);
  asio::co_spawn(main_io, announce_when_fresh(main_io, gateway, configuration.listen, *server),
                 cache::rethrow);
  main_io.run();
  server->drain();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program("revoked-gateway", [&] {
    Configuration configuration;
    if (const auto code = read_configuration(argc, argv, configuration)) return *code;
    return serve(configuration);
  });
}
