#pragma once
// The options of both programs that say where Redis is, and what TLS to it needs.

#include <optional>
#include <string>

#include "cache/bus/redis.hpp"
#include "tools/programs/program.hpp"

namespace revoked::tools {

struct RedisOptions {
  std::string url;  // empty: none
  cache::TlsClientOptions tls;

  // `purpose` and `without`: for --help, what Redis is for and what happens without it.
  void add_to(Options& options, const std::string& purpose, const std::string& without);
};

// Reads the files for TLS. Throws ConfigurationError; its text never contains a password.
std::optional<cache::RedisAddress> parse_redis(const RedisOptions& options);

}  // namespace revoked::tools
