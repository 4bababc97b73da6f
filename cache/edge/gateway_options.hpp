#pragma once
// The options of a gateway, whether it is the program or the library: what may be said as text, and the
// gateway that follows from it. One thread.

#include <cstdint>
#include <string>

#include "cache/bus/redis_options.hpp"
#include "cache/edge/gateway.hpp"
#include "engine/base/options.hpp"

namespace revoked::cache {

struct GatewayOptions {
  std::string engine = "http://127.0.0.1:7385";
  TlsClientOptions engine_tls;
  RedisOptions redis;
  std::string engine_key_file;
  std::string engine_credential;  // instead of a file; not in the list: never an argument of a program
  std::string bus_key_file;
  std::string name;
  std::string stale_after = "3s";
  std::string when_stale = "deny";
  std::uint64_t cache_entries = 1'000'000;
  std::uint64_t watches = 10'000;
  std::uint64_t watches_per_key = 1'000;

  void add_to(engine::OptionList& options);
  // Reads the files that are named. `place`: what tells this gateway from others of the machine, for its name
  // if none was given. Throws ConfigurationError, whose text has no secret.
  Gateway::Options read(const std::string& place) const;

 private:
  EngineClient::Options read_engine() const;
};

}  // namespace revoked::cache
