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
#include "tools/programs/server_tls.hpp"
#include "tools/programs/systemd.hpp"
#include "tools/programs/watchdog.hpp"

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
  cache::TlsClientOptions engine_tls;
  tools::RedisOptions redis;
  std::string engine_key_file;
  std::string bus_key_file;
  std::string name;
  std::string stale_after = "3s";
  std::string when_stale = "deny";
  std::size_t cache_entries = 1'000'000;
  std::size_t watches = 10'000;
  std::size_t watches_per_key = 1'000;
  std::size_t threads = std::max(1u, std::thread::hardware_concurrency());
  std::string metrics = "open";
  tools::TlsFiles tls;
  std::string log_level = "info";
};

std::optional<int> read_configuration(int argc, char** argv, Configuration& configuration) {
  tools::Options options("revoked-gateway", "Checks API keys at the edge.", "REVOKED_GATEWAY_");
  options.add("--listen", configuration.listen, "HOST:PORT to serve /check on; port 0 picks a free one");
  options.add("--engine", configuration.engine, "http://host:port or https://host:port of the engine");
  options.add("--engine-ca-file", configuration.engine_tls.ca_file,
              "PEM file of the CAs that an https engine's certificate may be of; none: the system's");
  options.add("--engine-cert", configuration.engine_tls.certificate_file,
              "PEM file with this gateway's certificate, for an engine that requires one");
  options.add("--engine-key", configuration.engine_tls.key_file,
              "PEM file with the private key of --engine-cert");
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
  options.add("--watches", configuration.watches, "Answers of /watch held open", tools::Range{0, 1'000'000});
  options.add("--watches-per-key", configuration.watches_per_key, "The same, of one key",
              tools::Range{0, 1'000'000});
  options.add("--threads", configuration.threads, "Network threads", tools::Range{1, 1024});
  options.add("--metrics", configuration.metrics, "Whether anyone may read /metrics", {"open", "off"});
  add_tls_options(options, configuration.tls);
  options.add("--log-level", configuration.log_level, "debug, info, warning or error");
  return options.parse(argc, argv);
}

void check_engine_tls(const cache::EngineClient::Options& engine) {
  const auto& [ca_file, certificate_file, key_file] = engine.tls;
  if (certificate_file.empty() != key_file.empty())
    throw ConfigurationError("--engine-cert and --engine-key require each other");
  if (!engine.address.is_encrypted && !(ca_file.empty() && certificate_file.empty()))
    throw ConfigurationError("--engine-ca-file and --engine-cert require an https:// --engine");
  try {
    if (engine.address.is_encrypted) const cache::TlsClient probe(engine.tls);
  } catch (const std::runtime_error& error) {
    throw ConfigurationError(std::string("--engine: ") + error.what());
  }
}

cache::Gateway::Options gateway_options(const Configuration& configuration) {
  cache::Gateway::Options options;
  const auto engine = cache::parse_engine_url(configuration.engine);
  if (!engine)
    throw ConfigurationError("--engine: '" + configuration.engine +
                             "' is neither http://host:port nor https://host:port");
  options.engine.address = *engine;
  options.engine.tls = configuration.engine_tls;
  check_engine_tls(options.engine);
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

std::string status_line(const cache::Gateway& gateway) {
  const auto status = gateway.status();
  return std::string(to_string(status.coverage)) +
         (status.position ? " at position " + to_string(*status.position) : std::string()) +
         ", keys in memory: " + std::to_string(status.cache.entries);
}

std::vector<tools::Watchdog::Part> watched_parts(const cache::Gateway& gateway, net::Server& server) {
  std::vector<tools::Watchdog::Part> parts{{"the follower", [&gateway] { return gateway.status().ticks; }}};
  add_threads(parts, server);
  return parts;
}

// Announces readiness when the gateway is fresh, or after `patience` without an engine: the policy then
// decides. By reference: all outlive the run of `io`.
cache::Task<> announce_when_fresh(asio::io_context& io, const cache::Gateway& gateway, std::string address,
                                  const net::Server& server, tools::Systemd& systemd) {
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
  systemd.is_ready(status_line(gateway));
}

int serve(const Configuration& configuration) {
  tools::Systemd systemd;
  tools::set_log_level(configuration.log_level);
  auto server_options = tools::parse_listen(configuration.listen, configuration.threads, reserved_descriptors,
                                            configuration.watches);
  auto options = gateway_options(configuration);
  // A quarter of the connections is left for checks.
  options.watches.watchers =
      std::min(configuration.watches, server_options.limits.connections * server_options.threads / 4 * 3);
  options.watches.watchers_of_key = configuration.watches_per_key;
  std::signal(SIGPIPE, SIG_IGN);

  asio::io_context main_io(1);
  asio::signal_set signals(main_io, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) { main_io.stop(); });
  const tools::CertificateWatch certificate(main_io, configuration.tls);
  server_options.certificate = certificate.certificate();

  cache::Gateway gateway(std::move(options), [](std::string_view source, std::string_view what) {
    net::log(net::Level::info, what, {{"source", source}});
  });
  const auto metrics = tools::program_metrics();
  net::CheckService service(gateway, configuration.metrics == "open" ? metrics : nullptr);
  const auto server = tools::listen(server_options, service, nullptr);
  metrics->add([&server](engine::MetricsWriter& out) { server->write_metrics(out); });
  asio::co_spawn(main_io, announce_when_fresh(main_io, gateway, configuration.listen, *server, systemd),
                 cache::rethrow);
  const tools::Watchdog watchdog(main_io, systemd, watched_parts(gateway, *server),
                                 [&gateway] { return status_line(gateway); });
  main_io.run();
  systemd.stops();
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
