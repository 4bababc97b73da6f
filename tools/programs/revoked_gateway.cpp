// The gateway program: near cache, follower and `/check`.

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <iostream>
#include <thread>

#include "cache/edge/gateway_options.hpp"
#include "net/check/check_service.hpp"
#include "net/http/log.hpp"
#include "tools/programs/program.hpp"
#include "tools/programs/server_tls.hpp"
#include "tools/programs/systemd.hpp"
#include "tools/programs/watchdog.hpp"

namespace {

using namespace revoked;
namespace asio = boost::asio;

// For the gateway's name, which stays the same across restarts, unless the system picks the port.
std::string place_of(const std::string& listen) {
  const auto port = listen.substr(listen.rfind(':') + 1);
  return port == "0" ? "process-" + std::to_string(::getpid()) : port;
}

// For connections to the engine and to Redis.
constexpr std::size_t reserved_descriptors = 128;

struct Configuration {
  std::string listen = "127.0.0.1:7386";
  cache::GatewayOptions gateway;
  std::size_t threads = std::max(1u, std::thread::hardware_concurrency());
  std::string credential{net::CredentialPlaces::usual};
  std::string preflight = "deny";
  std::string method_header;
  std::string metrics = "open";
  tools::TlsFiles tls;
  std::string log_level = "info";
};

std::optional<int> read_configuration(int argc, char** argv, Configuration& configuration) {
  tools::Options options("revoked-gateway", "Checks API keys at the edge.", "REVOKED_GATEWAY_");
  options.add("--listen", configuration.listen, "HOST:PORT to serve /check on; port 0 picks a free one");
  configuration.gateway.add_to(options);
  options.add("--credential", configuration.credential,
              "Where the client's key may stand, the first found counts: bearer, header:NAME, authorization, "
              "basic-user, basic-password, query:NAME, cookie:NAME, websocket-protocol:NAME");
  options.add("--preflight", configuration.preflight,
              "Whether a CORS preflight passes without a key: an OPTIONS with Origin and "
              "Access-Control-Request-Method",
              {"deny", "allow"});
  options.add(
      "--method-header", configuration.method_header,
      "Header in which the proxy states the client's method, for --preflight; the proxy must overwrite "
      "it; none: the method of the request itself");
  options.add("--threads", configuration.threads, "Network threads", tools::Range{1, 1024});
  options.add("--metrics", configuration.metrics, "Whether anyone may read /metrics", {"open", "off"});
  add_tls_options(options, configuration.tls);
  options.add("--log-level", configuration.log_level, "debug, info, warning or error");
  return options.parse(argc, argv);
}

net::CheckOptions check_options(const Configuration& configuration) {
  net::CheckOptions options;
  try {
    options.credential = net::CredentialPlaces(configuration.credential);
  } catch (const std::invalid_argument& error) {
    throw tools::ConfigurationError(std::string("--credential: ") + error.what());
  }
  options.allows_preflight = configuration.preflight == "allow";
  options.method_header = configuration.method_header;
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
                                            configuration.gateway.watches);
  auto options = configuration.gateway.read(place_of(configuration.listen));
  options.version = tools::version;
  auto checks = check_options(configuration);
  // A quarter of the connections is left for checks.
  options.watches.watchers =
      std::min(options.watches.watchers, server_options.limits.connections * server_options.threads / 4 * 3);
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
  certificate.add_to(*metrics);
  net::CheckService service(gateway, configuration.metrics == "open" ? metrics : nullptr, std::move(checks));
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
