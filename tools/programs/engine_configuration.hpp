#pragma once
// The options of the engine program, and what follows from them.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>

#include "cache/bus/redis_options.hpp"
#include "cache/wire/tls.hpp"
#include "engine/engine.hpp"
#include "net/auth/jwt.hpp"
#include "tools/programs/program.hpp"
#include "tools/programs/server_tls.hpp"

namespace revoked::tools {

struct EngineConfiguration {
  std::string listen = "127.0.0.1:7385";
  std::string advertise;
  std::string data_dir = "./data";
  std::string journal;
  std::string journal_durability = "sync";
  std::string lease = "2s";
  cache::TlsClientOptions engine_tls;  // to other engines
  cache::RedisOptions redis;
  std::size_t threads = std::max(1u, std::thread::hardware_concurrency());
  std::string master_key_file;
  std::string pepper_file;
  std::string bus_key_file;
  std::string webhooks_file;
  std::string key_prefix{engine::default_key_prefix};
  net::JwtOptions jwt;
  TlsFiles tls;
  std::uint64_t storage_reserve_mib = 0;
  std::uint64_t max_keys_per_workspace = 10'000'000;
  std::string forget_after = "30d";
  std::uint64_t checkpoint_after = engine::Engine::Options{}.checkpoint_after;
  std::string metrics = "open";
  std::string log_level = "info";
  bool dev = false;
};

// The exit code if the program must end now; see Options::parse.
std::optional<int> read_configuration(int argc, char** argv, EngineConfiguration& configuration);

// The following throw ConfigurationError.

// The pepper in a file; empty if `path` is.
std::string read_pepper(const std::string& path);
// 0: never.
std::chrono::milliseconds forget_after(const EngineConfiguration& configuration);

}  // namespace revoked::tools
