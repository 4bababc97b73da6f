#include "cache/bus/redis_options.hpp"

#include <memory>
#include <stdexcept>

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
  options.add("--redis-ca-file", tls.ca_file,
              "PEM file of CAs that are trusted with certificates of Redis; none: the system's");
  options.add("--redis-cert", tls.certificate_file,
              "PEM file with our certificate for Redis; none: no certificate");
  options.add("--redis-key", tls.key_file, "PEM file with the private key of --redis-cert");
}

std::optional<RedisAddress> parse_redis(const RedisOptions& options) {
  const auto& [url, tls] = options;
  const bool has_tls_options = !(tls.ca_file + tls.certificate_file + tls.key_file).empty();
  if (has_tls_options && !url.starts_with("rediss"))
    throw ConfigurationError("--redis-ca-file, --redis-cert and --redis-key are for rediss:// only");
  if (tls.certificate_file.empty() != tls.key_file.empty())
    throw ConfigurationError("--redis-cert and --redis-key need each other");
  if (url.empty()) return {};
  auto address = parse_redis_url(url);
  if (!address) {
    // The part before the '@' may contain a password.
    const auto at = url.rfind('@');
    throw ConfigurationError("--redis: '" + (at == std::string::npos ? url : "…" + url.substr(at)) +
                             "' is neither redis[s]://[user:pass@]host[:port][,…][/db] nor "
                             "redis[s]+sentinel://[user:pass@]host[:port][,…]/NAME[/db] nor unix:///path");
  }
  if (!address->uses_tls) return *address;
  try {
    address->tls = std::make_shared<TlsClient>(tls);
  } catch (const std::runtime_error& error) {
    throw ConfigurationError(std::string("--redis: ") + error.what());
  }
  return *address;
}

}  // namespace revoked::cache
