#include "cache/edge/gateway_options.hpp"

#include <unistd.h>

#include <algorithm>

#include "cache/wire/tls_options.hpp"
#include "engine/model/key_file.hpp"

namespace revoked::cache {
namespace {

using engine::ConfigurationError;
using engine::Range;

constexpr std::uint16_t engine_port = 7385;

std::string host_name() {
  char host[65] = {};
  return ::gethostname(host, sizeof host - 1) == 0 ? host : "gateway";
}

}  // namespace

void GatewayOptions::add_to(engine::OptionList& options) {
  options.add(
      "--engine", engine,
      "http://host:port or https://host:port of the engine; several that share a journal: separated by "
      "commas, tried in turn");
  add_tls_client_options(options, "engine", "an https engine", engine_tls);
  redis.add_to(options, "for invalidations", "the engine's feed");
  options.add("--engine-key-file", engine_key_file,
              "File with a key that has the permission gateway, or a master key");
  options.add(
      "--bus-key-file", bus_key_file,
      "File of keys that verify messages on Redis, one a line; none: such messages are hints, and the "
      "engine's feed is followed");
  options.add("--name", name, "Name of this gateway in its reports; none: HOST:PORT of this machine");
  options.add("--stale-after", stale_after, "Stale this long after the last proof that no event is missing");
  options.add("--when-stale", when_stale, "When stale: deny, ask the engine, or serve from memory",
              {"deny", "ask", "serve"});
  options.add("--cache-entries", cache_entries, "Decisions kept in memory", Range{1, 1'000'000'000});
  options.add("--watches", watches, "Answers of /watch held open", Range{0, 1'000'000});
  options.add("--watches-per-key", watches_per_key, "The same, of one key", Range{0, 1'000'000});
}

EngineClient::Options GatewayOptions::read_engine() const {
  EngineClient::Options options;
  options.addresses = parse_http_urls(engine, engine_port);
  if (options.addresses.empty())
    throw ConfigurationError(
        "--engine: '" + engine +
        "' is neither http://host:port nor https://host:port, nor several different ones, "
        "separated by commas");
  const bool is_encrypted =
      std::ranges::any_of(options.addresses, [](const auto& address) { return address.is_encrypted; });
  options.tls = engine_tls;
  read_tls_client("engine", engine_tls, is_encrypted, "an https:// --engine");
  options.credential = engine_credential;
  if (!engine_credential.empty()) return options;
  if (engine_key_file.empty()) throw ConfigurationError("--engine-key-file is required");
  options.credential = engine::read_keys(engine_key_file).front();
  return options;
}

Gateway::Options GatewayOptions::read(const std::string& place) const {
  Gateway::Options options;
  options.engine = read_engine();
  options.redis = parse_redis(redis);
  options.bus_keys = read_bus_keys(bus_key_file);
  options.cache.max_entries = cache_entries;
  options.follower.lease = engine::parse_duration(stale_after, "--stale-after");
  options.when_stale = when_stale == "ask"     ? WhenStale::ask
                       : when_stale == "serve" ? WhenStale::serve
                                               : WhenStale::deny;
  options.watches = {watches, watches_per_key};
  options.name = name.empty() ? host_name() + ":" + place : name;
  if (!is_gateway_name(options.name))
    throw ConfigurationError("--name: must be 1 to 128 bytes of printable UTF-8");
  return options;
}

}  // namespace revoked::cache
