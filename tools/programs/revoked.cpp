// The engine program: creates the components, connects them, waits for a signal.

#include <malloc.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>
#include <utility>

#include "cache/bus/bus_keys.hpp"
#include "cache/feed/bus.hpp"
#include "cache/feed/feed.hpp"
#include "engine/base/free_space.hpp"
#include "engine/engine.hpp"
#include "net/api/engine_durability.hpp"
#include "net/api/engine_service.hpp"
#include "net/auth/jwt.hpp"
#include "net/dialects/dialects.hpp"
#include "net/http/log.hpp"
#include "tools/programs/housekeeping.hpp"
#include "tools/programs/program.hpp"

namespace {

using namespace revoked;
using tools::ConfigurationError;
namespace asio = boost::asio;

// For the index (rocksdb_index.cpp: 512 files, more while it merges), the log and Redis.
constexpr std::size_t reserved_descriptors = 768;

struct Configuration {
  std::string listen = "127.0.0.1:7385";
  std::string data_dir = "./data";
  std::string redis;
  std::size_t threads = std::max(1u, std::thread::hardware_concurrency());
  std::string master_key_file;
  std::string pepper_file;
  std::string bus_key_file;
  std::string key_prefix{engine::default_key_prefix};
  net::JwtOptions jwt;
  std::uint64_t storage_reserve_mib = 0;
  std::uint64_t max_keys_per_workspace = 10'000'000;
  std::string forget_after = "30d";
  std::string log_level = "info";
  bool dev = false;
};

void add_jwt_options(tools::Options& options, net::JwtOptions& jwt) {
  auto& rules = jwt.rules;
  options.add("--jwt-keys", jwt.jwks_file,
              "JWKS file of the keys that verify tokens; none: tokens are refused");
  options.add("--jwt-issuer", rules.issuer, "Required value of \"iss\"; none: any");
  options.add("--jwt-audience", rules.audience,
              "Required value or element of \"aud\"; required with --jwt-keys");
  options.add("--jwt-leeway-s", rules.leeway_s, "Tolerated clock difference of the issuer in seconds",
              tools::Range{0, net::max_leeway_s});
  options.add("--jwt-scope-claim", rules.scope_claim, "Claim with permissions, a space-separated string");
  options.add("--jwt-permissions-claim", rules.permissions_claim, "Claim with permissions, an array");
  for (const auto scope : engine::all_scopes) {
    const std::string name(to_string(scope));
    options.add("--jwt-" + name + "-claim", rules.limit_claims[static_cast<std::size_t>(scope)],
                "Claim that limits a token to these ids of the scope " + name);
  }
}

std::optional<int> read_configuration(int argc, char** argv, Configuration& configuration) {
  tools::Options options("revoked", "The API-key revocation engine.", "REVOKED_");
  options.add("--listen", configuration.listen, "HOST:PORT to serve HTTP on; port 0 picks a free one");
  options.add("--data-dir", configuration.data_dir, "Directory of the journal and the keys");
  options.add(
      "--redis", configuration.redis,
      "redis://[user:pass@]host:port[/db] or unix:///path to publish invalidations on; none: own feed only");
  options.add("--threads", configuration.threads, "Network threads", tools::Range{1, 1024});
  options.add("--master-key-file", configuration.master_key_file,
              "File of master keys, one a line; none: DIR/master.key, created at first start");
  options.add("--pepper-file", configuration.pepper_file, "File with the pepper for digests of secrets");
  options.add(
      "--bus-key-file", configuration.bus_key_file,
      "File of keys for messages on Redis, one a line, the first one signs; none: messages are not signed");
  add_jwt_options(options, configuration.jwt);
  options.add("--key-prefix", configuration.key_prefix, "Prefix of issued secrets");
  options.add(
      "--storage-reserve-mib", configuration.storage_reserve_mib,
      "With less free disk creations and imports are refused; 0: a twentieth, 256 to 2048, at most half");
  options.add("--max-keys-per-workspace", configuration.max_keys_per_workspace,
              "Maximum of keys in a workspace that are not revoked; 0: no limit");
  options.add("--forget-after", configuration.forget_after,
              "How long revoked and expired keys stay in memory, at least 1s; never: no limit");
  options.add("--log-level", configuration.log_level, "debug, info, warning or error");
  options.add_flag("--dev", configuration.dev, "Temporary data, deleted at exit; prints its master key");
  return options.parse(argc, argv);
}

// Version 0.1.0 could leave a partly written file.
void check_own_key(const std::string& path, const std::string& prefix) {
  std::error_code failed;
  bool is_cut = std::filesystem::file_size(path, failed) == 0;
  if (!is_cut) {
    const auto keys = tools::read_keys(path);
    const auto begin = prefix + "_";
    is_cut = keys.size() == 1 &&
             keys.front().substr(0, begin.size()) == begin.substr(0, keys.front().size()) &&
             !engine::is_issued_secret(keys.front(), prefix);
  }
  if (is_cut)
    throw ConfigurationError("the master key in " + path +
                             " is incomplete: remove the file, and the next start creates a new one");
}

// The file of master keys; exists and is valid when this returns.
std::string master_key_file(const Configuration& configuration) {
  if (!configuration.master_key_file.empty()) {
    tools::read_keys(configuration.master_key_file);
    return configuration.master_key_file;
  }
  auto path = configuration.data_dir + "/master.key";
  const auto prefix = configuration.key_prefix + "master";
  if (!std::filesystem::exists(path)) {
    tools::write_private_file(path, engine::new_secret(prefix) + "\n");
    net::log(net::Level::info, "created a master key", {{"file", path}});
  }
  check_own_key(path, prefix);
  return path;
}

std::unique_ptr<const net::MasterKeys> watch_master_keys(const std::string& path) {
  return std::make_unique<const net::MasterKeys>(path, [](const net::MasterKeysReport& report) {
    net::log(
        report.is_good ? net::Level::info : net::Level::error,
        report.is_good ? "reloaded the master keys" : "cannot read the master keys: keeping the old ones",
        {{"file", report.path}, {"keys", std::to_string(report.keys)}, {"reason", report.reason}});
  });
}

// Null without --jwt-keys.
std::unique_ptr<const net::JwtVerifier> make_verifier(net::JwtOptions jwt) {
  if (jwt.jwks_file.empty()) {
    if (jwt.rules.issuer.empty() && jwt.rules.audience.empty()) return {};
    throw ConfigurationError("--jwt-issuer and --jwt-audience require --jwt-keys");
  }
  if (jwt.rules.audience.empty()) {
    throw ConfigurationError(
        "--jwt-keys requires --jwt-audience; otherwise tokens for other services would be accepted");
  }
  jwt.on_jwks = [is_first = true](const net::JwksReport& report) mutable {
    if (std::exchange(is_first, false) && !report.is_good) return;  // the verifier throws
    net::log(report.is_good ? net::Level::info : net::Level::error,
             report.is_good ? "loaded the JWT keys" : "cannot read the JWT keys: keeping the old ones",
             {{"file", report.path},
              {"keys", std::to_string(report.keys)},
              {"passed_over", std::to_string(report.passed_over)},
              {"skipped", std::to_string(report.skipped.size())},
              {"reason", report.reason}});
    for (const auto& why : report.skipped) {
      net::log(net::Level::warning, "skipped an unusable JWT key", {{"file", report.path}, {"reason", why}});
    }
  };
  try {
    return std::make_unique<const net::JwtVerifier>(std::move(jwt));
  } catch (const std::runtime_error& error) {
    throw ConfigurationError("--jwt-keys: " + std::string(error.what()));
  }
}

std::string read_pepper(const std::string& path) {
  if (path.empty()) return {};
  const auto lines = tools::read_keys(path);
  if (lines.size() != 1 || lines.front().size() < 16) {
    throw ConfigurationError("the pepper file " + path + " must contain one line of at least 16 characters");
  }
  return lines.front();
}

// 0: never.
std::chrono::milliseconds forget_after(const Configuration& configuration) {
  const auto& text = configuration.forget_after;
  if (text == "never") return std::chrono::milliseconds(0);
  const auto after = tools::parse_duration(text, "--forget-after", std::chrono::days(36'500));
  if (after < std::chrono::seconds(1))
    throw ConfigurationError("--forget-after: '" + text + "' is less than 1s");
  return after;
}

void log_redis(bool connected, std::string_view address, std::string_view reason) {
  net::log(connected ? net::Level::info : net::Level::warning,
           connected ? "Redis connected" : "Redis disconnected", {{"redis", address}, {"reason", reason}});
}

void log_progress(const engine::LoadProgress& progress) {
  net::log(net::Level::info, progress.finished ? "loaded" : "loading",
           {{"keys", std::to_string(progress.keys)},
            {"events", std::to_string(progress.events)},
            {"replayed_events", std::to_string(progress.replayed_events)}});
}

std::unique_ptr<engine::Store> open_store(const std::string& data_dir) {
  const auto tell = [](std::string_view what, std::string_view why) {
    net::log(net::Level::error, what, {{"reason", why}});
  };
  std::string detail;
  auto store = engine::open_store(data_dir, tell, detail);
  if (store) return std::move(*store);
  const auto what = "the data directory " + data_dir + ": " + store.error().message();
  if (store.error() == engine::errc::storage_in_use) throw ConfigurationError(what);
  throw std::runtime_error(what + " (" + detail + ")");
}

int serve(const Configuration& configuration) {
  tools::set_log_level(configuration.log_level);
  const auto server_options =
      tools::parse_listen(configuration.listen, configuration.threads, reserved_descriptors);
  const auto redis = tools::parse_redis(configuration.redis);
  if (!engine::is_key_prefix(configuration.key_prefix)) {
    throw ConfigurationError("--key-prefix: must be 1 to 16 letters or digits");
  }
  const auto pepper = read_pepper(configuration.pepper_file);
  auto tokens = make_verifier(configuration.jwt);
  std::error_code failed;
  const bool is_new = std::filesystem::create_directories(configuration.data_dir, failed);
  if (failed)
    throw ConfigurationError("--data-dir: cannot create " + configuration.data_dir + ": " + failed.message());
  std::filesystem::permissions(configuration.data_dir, std::filesystem::perms::owner_all, failed);
  if (is_new) tools::sync_directory(configuration.data_dir + "/..");

  // Nothing is acknowledged before the load is done, so a signal may end the process at once.
  std::signal(SIGTERM, [](int) { ::_exit(0); });
  std::signal(SIGINT, [](int) { ::_exit(0); });
  std::signal(SIGPIPE, SIG_IGN);
  // A file size limit must be a failed write, not a signal that ends the process silently.
  std::signal(SIGXFSZ, SIG_IGN);

  asio::io_context main_io(1);
  std::atomic<bool> draining{false};
  engine::Engine::Options engine_options;
  engine_options.pepper = pepper;
  engine_options.key_prefix = configuration.key_prefix;
  engine_options.forget_after = forget_after(configuration);
  engine_options.checkpoint_file = configuration.data_dir + "/tables";
  engine::Engine engine(std::move(engine_options), [&main_io] { main_io.stop(); });
  auto store = open_store(configuration.data_dir);
  const auto master_file = master_key_file(configuration);
  const net::Authenticator authenticator(engine, watch_master_keys(master_file), std::move(tokens));
  cache::Feed feed;
  cache::Bus bus(feed, redis, tools::read_bus_keys(configuration.bus_key_file), log_redis);
  std::function<bool()> redis_state;
  if (bus.has_redis()) redis_state = [&bus] { return bus.is_connected(); };
  const engine::FreeSpace free_space({[&] { return engine::free_space_of(configuration.data_dir); },
                                      configuration.storage_reserve_mib << 20});
  net::EngineService service(
      {engine, feed, authenticator, redis_state, draining, [&free_space] { return free_space.is_low(); },
       configuration.max_keys_per_workspace},
      net::all_dialects);
  net::EngineDurability durability(engine);
  const auto server = tools::listen(server_options, service, &durability);
  feed.add_watcher([&server] { server->notify_all(); });

  if (const auto started = engine.start(std::move(store), feed, log_progress); !started) {
    throw std::runtime_error("the data directory " + configuration.data_dir + ": " +
                             started.error().message() + " (" + engine.storage_failure() + ")");
  }
  ::malloc_trim(0);  // memory freed by the load
  tools::Housekeeping housekeeping(main_io, engine);
  asio::signal_set signals(main_io, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) { main_io.stop(); });
  if (configuration.dev) std::cout << "master key: " << tools::read_keys(master_file).front() << '\n';
  tools::announce("revoked", configuration.listen, *server);
  main_io.run();

  const bool sound = !engine.has_failed();
  if (sound) {
    net::log(net::Level::info, "stopping: finishing requests in flight");
  } else {
    net::log(net::Level::error, "storage failed: nothing more is acknowledged",
             {{"data_dir", configuration.data_dir}, {"reason", engine.storage_failure()}});
    server->close_gates();
    // For a while clients still get "not ready", and denials of revoked keys.
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  draining = true;
  server->drain();
  engine.stop();
  return sound && !engine.has_failed() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  // Very large blocks are mapped separately and unmapped when freed. Blocks that every commit needs stay
  // below the threshold: mapping and clearing them each time costs an import 10 %. Few arenas, because free
  // memory of one arena is not available to the others.
  ::mallopt(M_MMAP_THRESHOLD, 4 << 20);
  ::mallopt(M_ARENA_MAX, 4);
  return tools::run_program("revoked", [&] {
    Configuration configuration;
    if (const auto code = read_configuration(argc, argv, configuration)) return *code;
    if (!configuration.dev) return serve(configuration);

    char directory[] = "/tmp/revoked-dev-XXXXXX";
    if (::mkdtemp(directory) == nullptr) throw ConfigurationError("cannot create a temporary directory");
    configuration.data_dir = directory;
    const int code = serve(configuration);
    std::filesystem::remove_all(directory);
    return code;
  });
}
