#include "cache/bus/redis_options.hpp"

#include <utility>

#include "cache/wire/tls_options.hpp"

namespace revoked::cache {

using engine::ConfigurationError;

void RedisOptions::add_to(engine::OptionList& options, const std::string& purpose,
                          const std::string& without) {
  options.add("--redis", url,
              "Redis " + purpose +
                  ": redis://[user:pass@]host:port[,host:port...][/db] (several: a Cluster), "
                  "redis+sentinel://[user:pass@]host:port[,host:port...]/NAME[/db] or unix:///path; with TLS "
                  "rediss:// or rediss+sentinel://; none: " +
                  without);
  add_tls_client_options(options, "redis", "Redis", tls);
}

std::optional<RedisAddress> parse_redis(const RedisOptions& options) {
  const auto& [url, tls] = options;
  auto client = read_tls_client("redis", tls, url.starts_with("rediss"), "a rediss:// --redis");
  if (url.empty()) return {};
  auto address = parse_redis_url(url);
  if (!address) {
    // The part before the '@' may contain a password.
    const auto at = url.rfind('@');
    throw ConfigurationError("--redis: '" + (at == std::string::npos ? url : "…" + url.substr(at)) +
                             "' is neither redis[s]://[user:pass@]host[:port][,…][/db] nor "
                             "redis[s]+sentinel://[user:pass@]host[:port][,…]/NAME[/db] nor unix:///path");
  }
  address->tls = std::move(client);
  return *address;
}

}  // namespace revoked::cache
