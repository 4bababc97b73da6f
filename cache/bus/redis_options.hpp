#pragma once
// The options that say where Redis is, and what TLS to it needs.

#include <optional>
#include <string>

#include "cache/bus/redis.hpp"
#include "cache/wire/tls.hpp"
#include "engine/base/options.hpp"

namespace revoked::cache {

struct RedisOptions {
  std::string url;  // empty: none
  TlsClientOptions tls;

  // `purpose` and `without`: for --help, what Redis is for and what happens without it.
  void add_to(engine::OptionList& options, const std::string& purpose, const std::string& without);
};

// Reads the files for TLS. Throws ConfigurationError; its text never contains a password.
std::optional<RedisAddress> parse_redis(const RedisOptions& options);

}  // namespace revoked::cache
