// The engine program: creates the components, connects them, waits for a signal.

#include <malloc.h>

#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <thread>

#include "cache/bus/bus_keys.hpp"
#include "cache/feed/bus.hpp"
#include "cache/feed/feed.hpp"
#include "cache/webhooks/webhooks.hpp"
#include "cache/wire/tls_options.hpp"
#include "engine/base/free_space.hpp"
#include "engine/engine.hpp"
#include "net/api/api_document.hpp"
#include "net/api/engine_durability.hpp"
#include "net/api/engine_service.hpp"
#include "net/dialects/dialects.hpp"
#include "net/http/log.hpp"
#include "tools/programs/authentication.hpp"
#include "tools/programs/engine_configuration.hpp"
#include "tools/programs/housekeeping.hpp"
#include "tools/programs/membership.hpp"
#include "tools/programs/program.hpp"
#include "tools/programs/systemd.hpp"
#include "tools/programs/watchdog.hpp"
#include "tools/programs/webhooks_file.hpp"

namespace {

using namespace revoked;
using tools::ConfigurationError;
using tools::EngineConfiguration;
namespace asio = boost::asio;

// For the index (rocksdb_index.cpp: 512 files, more while it merges), the log and Redis.
constexpr std::size_t reserved_descriptors = 768;

constexpr std::chrono::seconds longest_step_of_a_load{120};  // without progress for longer, systemd gives up

void log_redis(bool connected, std::string_view address, std::string_view detail) {
  net::log(connected ? net::Level::info : net::Level::warning,
           connected ? "Redis connected" : "Redis disconnected",
           {{"redis", address}, {connected ? "server" : "reason", detail}});
}

void log_reports(bool connected, std::string_view address, std::string_view detail) {
  net::log(connected ? net::Level::info : net::Level::warning,
           connected ? "subscribed to the gateways' reports" : "not subscribed to the gateways' reports",
           {{"redis", address}, {"channel", cache::acks_channel}, {connected ? "server" : "reason", detail}});
}

void log_progress(const engine::LoadProgress& progress) {
  net::log(net::Level::info, progress.finished ? "loaded" : "loading",
           {{"keys", std::to_string(progress.keys)},
            {"events", std::to_string(progress.events)},
            {"replayed_events", std::to_string(progress.replayed_events)}});
}

std::unique_ptr<engine::Store> open_store(const std::string& data_dir, bool is_copy) {
  const auto tell = [](std::string_view what, std::string_view why) {
    net::log(net::Level::error, what, {{"reason", why}});
  };
  std::string detail;
  auto store = engine::open_store(data_dir, tell, detail,
                                  is_copy ? engine::Synced::each_segment : engine::Synced::each_append);
  if (store) return std::move(*store);
  const auto what = "the data directory " + data_dir + ": " + store.error().message();
  if (store.error() == engine::errc::storage_in_use) throw ConfigurationError(what);
  throw std::runtime_error(what + " (" + detail + ")");
}

// Creates it, readable only by its owner.
void prepare_data_dir(const std::string& path) {
  std::error_code failed;
  const bool is_new = std::filesystem::create_directories(path, failed);
  if (failed) throw ConfigurationError("--data-dir: cannot create " + path + ": " + failed.message());
  std::filesystem::permissions(path, std::filesystem::perms::owner_all, failed);
  if (is_new) tools::sync_directory(path + "/..");
}

void set_signals_of_the_load() {
  // Nothing is acknowledged before the load is done, so a signal may end the process at once.
  std::signal(SIGTERM, [](int) { ::_exit(0); });
  std::signal(SIGINT, [](int) { ::_exit(0); });
  std::signal(SIGPIPE, SIG_IGN);
  // A file size limit must be a failed write, not a signal that ends the process silently.
  std::signal(SIGXFSZ, SIG_IGN);
}

engine::Engine::Options engine_options(const EngineConfiguration& configuration, const std::string& pepper) {
  engine::Engine::Options options;
  options.pepper = pepper;
  options.key_prefix = configuration.key_prefix;
  options.forget_after = tools::forget_after(configuration);
  options.checkpoint_file = configuration.data_dir + "/tables";
  options.checkpoint_after = configuration.checkpoint_after;
  options.usage_file = configuration.data_dir + "/usage";
  return options;
}

std::unique_ptr<cache::Webhooks> make_webhooks(const EngineConfiguration& configuration,
                                               engine::Engine& engine,
                                               std::shared_ptr<const cache::GatewayRegistry> gateways) {
  if (configuration.webhooks_file.empty()) return {};
  const auto tell = [](const cache::Webhook& hook, std::string_view what, std::string_view detail) {
    net::log(net::Level::warning, std::string("a webhook ").append(what),
             {{"url", hook.origin()}, {"detail", detail}});
  };
  auto hooks = tools::read_webhooks(configuration.webhooks_file);
  auto webhooks = std::make_unique<cache::Webhooks>(
      engine, std::move(gateways),
      cache::Webhooks::Options{std::move(hooks), configuration.data_dir + "/webhooks"}, tell);
  engine.add(*webhooks);
  return webhooks;
}

constexpr int starts_again = -1;  // not an exit code

// Finishes what has been asked. Returns the exit code, or starts_again. `was_told`: by a signal.
int stop(engine::Engine& engine, net::Server& server, std::atomic<bool>& draining,
         const std::string& data_dir, tools::Membership* membership, bool was_told) {
  const bool sound = !engine.has_failed() && (membership == nullptr || !membership->has_ended());
  if (sound) {
    net::log(net::Level::info, "stopping: finishing requests in flight");
  } else if (membership != nullptr) {
    // Another engine leads, or will. What was in flight is unknown to those who asked.
    net::log(net::Level::warning, was_told ? "stopping" : "starts again, to follow",
             {{"reason", engine.storage_failure()}});
    membership->stop();
    server.close_gates();
  } else {
    net::log(net::Level::error, "storage failed: nothing more is acknowledged",
             {{"data_dir", data_dir}, {"reason", engine.storage_failure()}});
    server.close_gates();
    // For a while clients still get "not ready", and denials of revoked keys.
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  draining = true;
  server.drain();
  engine.stop([membership] {
    if (membership != nullptr) membership->give_up();
  });
  if (membership != nullptr) return was_told ? 0 : starts_again;
  return sound && !engine.has_failed() ? 0 : 1;
}

void check_advertised(std::string_view url) {
  if (url.empty()) return;
  // Others append paths to it.
  const auto address = url.ends_with('/') ? std::nullopt : cache::parse_http_url(url, 0);
  if (!address || address->port == 0)
    throw ConfigurationError("--advertise: '" + std::string(url) +
                             "' is neither http://host:port nor https://host:port");
}

net::MetricsAccess metrics_access(const EngineConfiguration& configuration) {
  return configuration.metrics == "off"             ? net::MetricsAccess::off
         : configuration.metrics == "authenticated" ? net::MetricsAccess::authenticated
                                                    : net::MetricsAccess::open;
}

void write_bus_metrics(const cache::Feed& feed, const cache::Bus& bus, engine::MetricsWriter& out) {
  const auto counts = bus.counts();
  out.counter(
         "revoked_bus_messages_total",
         "Messages made for Redis and the feed, failures to publish them, and reports received on Redis.")
      .sample(feed.messages(), {{"kind", "published"}})
      .sample(feed.heartbeats(), {{"kind", "heartbeat"}})
      .sample(counts.unpublished, {{"kind", "error"}})
      .sample(counts.reports, {{"kind", "report"}})
      .sample(counts.unsigned_reports, {{"kind", "unsigned_report"}})
      .sample(counts.unreadable_reports, {{"kind", "unreadable_report"}});
}

void write_storage_metrics(const engine::FreeSpace& free_space, engine::MetricsWriter& out) {
  const auto [total, available] = free_space.bytes();
  if (total == 0) return;
  out.gauge("revoked_storage_size_bytes", "Size of the file system of the data directory.").sample(total);
  out.gauge("revoked_storage_free_bytes", "Free space of that file system.").sample(available);
  out.gauge("revoked_storage_reserve_bytes", "With less free space calls that only add data are refused.")
      .sample(free_space.reserve_bytes());
}

// Where others reach the server, unless it is behind something.
std::string own_url(const std::string& listen, const net::Server& server) {
  const auto host = listen.substr(0, listen.rfind(':'));
  return std::string(server.is_encrypted() ? "https://" : "http://") + (host.empty() ? "127.0.0.1" : host) +
         ":" + std::to_string(server.port());
}

std::string status_line(const engine::Engine& engine, const cache::Feed& feed,
                        const cache::GatewayRegistry& gateways) {
  if (engine.has_failed()) return "storage failed: nothing more is acknowledged";
  std::size_t present = 0;
  gateways.visit_all(engine::BootClock::now(),
                     [&](const auto&, auto, bool is_gone, const auto&) { present += is_gone ? 0 : 1; });
  return "at position " + to_string(feed.published()) + ", gateways: " + std::to_string(present);
}

// Without the disk: while it hangs, revoked keys are still denied, and a restart would not help.
std::vector<tools::Watchdog::Part> watched_parts(const engine::Engine& engine, const cache::Feed& feed,
                                                 net::Server& server) {
  std::vector<tools::Watchdog::Part> parts{{"the bus", [&feed] { return feed.heartbeats(); }}};
  // With nothing to publish, a look counts as a step.
  parts.push_back({"the journal", [&engine, &feed, looks = std::uint64_t{0}]() mutable {
                     const auto published = feed.published().sequence;
                     looks += published >= engine.applied() ? 1 : 0;
                     return looks + published;
                   }});
  add_threads(parts, server);
  return parts;
}

int serve(const EngineConfiguration& configuration) {
  tools::Systemd systemd;
  tools::set_log_level(configuration.log_level);
  auto server_options =
      tools::parse_listen(configuration.listen, configuration.threads, reserved_descriptors);
  check_advertised(configuration.advertise);
  const auto redis = cache::parse_redis(configuration.redis);
  if (!engine::is_key_prefix(configuration.key_prefix)) {
    throw ConfigurationError("--key-prefix: must be 1 to 16 letters or digits");
  }
  const auto pepper = tools::read_pepper(configuration.pepper_file);
  auto tokens = tools::make_verifier(configuration.jwt);
  asio::io_context main_io(1);
  const tools::CertificateWatch certificate(main_io, configuration.tls);
  server_options.certificate = certificate.certificate();
  prepare_data_dir(configuration.data_dir);
  set_signals_of_the_load();

  std::atomic<bool> draining{false};
  engine::Engine engine(engine_options(configuration, pepper), [&main_io] { main_io.stop(); });
  std::optional<tools::Membership> membership;
  if (configuration.journal.empty())
    cache::read_tls_client("engine", configuration.engine_tls, false, "--journal");
  else
    membership.emplace(configuration, [&main_io] { main_io.stop(); });
  const auto open = [&] { return open_store(configuration.data_dir, membership.has_value()); };
  auto store = membership ? membership->open_store(open) : open();
  const auto master_file = tools::master_key_file(configuration);
  const net::Authenticator authenticator(engine, tools::watch_master_keys(master_file), std::move(tokens));
  cache::Feed feed;
  if (membership) {
    feed.limit_to(membership->standing());
    engine.add(feed);
  }
  const auto gateways = std::make_shared<cache::GatewayRegistry>();
  const auto webhooks = make_webhooks(configuration, engine, gateways);
  cache::Bus bus(feed, *gateways, redis, cache::read_bus_keys(configuration.bus_key_file), log_redis,
                 log_reports);
  std::function<bool()> redis_state;
  if (bus.has_redis()) redis_state = [&bus] { return bus.is_connected(); };
  const engine::FreeSpace free_space({[&] { return engine::free_space_of(configuration.data_dir); },
                                      configuration.storage_reserve_mib << 20});
  net::Api api{engine,
               feed,
               authenticator,
               redis_state,
               draining,
               [&free_space] { return free_space.is_low(); },
               configuration.max_keys_per_workspace};
  api.gateways = gateways;
  api.metrics_access = metrics_access(configuration);
  const auto metrics = api.metrics = tools::program_metrics();
  certificate.add_to(*metrics);
  api.webhooks = webhooks.get();
  api.advertised_url = configuration.advertise;
  if (membership) {
    api.standing = &membership->standing();
    api.forwarder = membership->forwarder();
  }
  api.document = std::make_shared<const net::openapi::Document>(net::describe_engine(net::all_dialects));
  net::EngineService service(std::move(api), net::all_dialects);
  net::EngineDurability durability(engine);
  const auto server = tools::listen(server_options, service, &durability);
  metrics->add([&](engine::MetricsWriter& out) {
    write_bus_metrics(feed, bus, out);
    write_storage_metrics(free_space, out);
    server->write_metrics(out);
  });
  feed.add_watcher([&server] { server->notify_all(); });

  const auto on_progress = [&systemd](const engine::LoadProgress& progress) {
    log_progress(progress);
    systemd.is_loading("loading: " + std::to_string(progress.keys) + " keys", longest_step_of_a_load);
  };
  using Role = engine::Engine::Role;
  const auto role = membership ? Role::follower : Role::leader;
  if (const auto started = engine.start(std::move(store), feed, on_progress, role); !started) {
    throw std::runtime_error("the data directory " + configuration.data_dir + ": " +
                             started.error().message() + " (" + engine.storage_failure() + ")");
  }
  if (webhooks) webhooks->start();
  ::malloc_trim(0);  // memory freed by the load
  tools::Housekeeping housekeeping(main_io, engine);
  metrics->add([&housekeeping](engine::MetricsWriter& out) { housekeeping.write_metrics(out); });
  asio::signal_set signals(main_io, SIGINT, SIGTERM);
  bool was_told = false;
  signals.async_wait([&](boost::system::error_code, int) {
    was_told = true;
    main_io.stop();
  });
  if (configuration.dev) std::cout << "master key: " << tools::read_keys(master_file).front() << '\n';
  const auto status = [&] { return status_line(engine, feed, *gateways); };
  const tools::Watchdog watchdog(main_io, systemd, watched_parts(engine, feed, *server), status);
  if (membership) {
    const auto url =
        configuration.advertise.empty() ? own_url(configuration.listen, *server) : configuration.advertise;
    membership->begin(engine, feed, *gateways, *server, url);
    metrics->add([&membership](engine::MetricsWriter& out) { membership->write_metrics(out); });
    const auto serves = [&] { return membership->standing().is_current() && engine.is_ready(); };
    while (!serves() && !main_io.stopped()) main_io.run_for(std::chrono::milliseconds(10));
  }
  if (!main_io.stopped()) tools::announce("revoked", configuration.listen, *server);
  systemd.is_ready(status());
  main_io.run();
  systemd.stops();
  return stop(engine, *server, draining, configuration.data_dir, membership ? &*membership : nullptr,
              was_told);
}

}  // namespace

int main(int argc, char** argv) {
  // Very large blocks are mapped separately and unmapped when freed. Blocks that every commit needs stay
  // below the threshold: mapping and clearing them each time costs an import 10 %. Few arenas, because free
  // memory of one arena is not available to the others.
  ::mallopt(M_MMAP_THRESHOLD, 4 << 20);  // NOLINT(concurrency-mt-unsafe): there is one thread
  ::mallopt(M_ARENA_MAX, 4);             // NOLINT(concurrency-mt-unsafe)
  return tools::run_program("revoked", [&] {
    EngineConfiguration configuration;
    if (const auto code = tools::read_configuration(argc, argv, configuration)) return *code;
    if (!configuration.dev) {
      const int code = serve(configuration);
      if (code != starts_again) return code;
      ::setenv(tools::starts_again_variable, "1", 1);  // NOLINT(concurrency-mt-unsafe): there is one thread
      // By its path, so that it keeps its name.
      ::execv(std::filesystem::read_symlink("/proc/self/exe").c_str(), argv);
      throw std::runtime_error("cannot start again: " + engine::errno_code().message());
    }

    char directory[] = "/tmp/revoked-dev-XXXXXX";
    if (::mkdtemp(directory) == nullptr) throw ConfigurationError("cannot create a temporary directory");
    configuration.data_dir = directory;
    const int code = serve(configuration);
    std::filesystem::remove_all(directory);
    return code;
  });
}
