#include "tools/programs/engine_configuration.hpp"

#include "cache/wire/tls_options.hpp"

namespace revoked::tools {
namespace {

void add_jwt_options(Options& options, net::JwtOptions& jwt) {
  auto& rules = jwt.rules;
  options.add("--jwt-keys", jwt.jwks_file,
              "JWKS file of the keys that verify tokens; none: tokens are refused");
  options.add("--jwt-issuer", rules.issuer, "Required value of \"iss\"; none: any");
  options.add("--jwt-audience", rules.audience,
              "Required value or element of \"aud\"; required with --jwt-keys");
  options.add("--jwt-leeway-s", rules.leeway_s, "Tolerated clock difference of the issuer in seconds",
              Range{0, net::max_leeway_s});
  options.add("--jwt-scope-claim", rules.scope_claim, "Claim with permissions, a space-separated string");
  options.add("--jwt-permissions-claim", rules.permissions_claim, "Claim with permissions, an array");
  for (const auto scope : engine::all_scopes) {
    const std::string name(to_string(scope));
    options.add("--jwt-" + name + "-claim", rules.limit_claims[static_cast<std::size_t>(scope)],
                "Claim that limits a token to these ids of the scope " + name);
  }
}

}  // namespace

std::optional<int> read_configuration(int argc, char** argv, EngineConfiguration& configuration) {
  Options options("revoked", "The API-key revocation engine.", "REVOKED_");
  options.add("--listen", configuration.listen, "HOST:PORT to serve HTTP on; port 0 picks a free one");
  options.add("--advertise", configuration.advertise,
              "http[s]://HOST:PORT where others reach this engine; none: shown as the caller reaches it");
  options.add("--data-dir", configuration.data_dir, "Directory of the journal and the keys");
  options.add(
      "--journal", configuration.journal,
      "postgresql://… that several engines share (docs/cluster.md); none: files in the data directory");
  options.add("--journal-durability", configuration.journal_durability,
              "sync: refuses a server without synchronous standbys; managed: the service keeps copies; "
              "single: one server",
              {"sync", "managed", "single"});
  options.add("--lease", configuration.lease,
              "How long the engine that leads does so without the journal; another takes over after that");
  cache::add_tls_client_options(options, "engine", "the other engines of the journal",
                                configuration.engine_tls);
  configuration.redis.add_to(options, "to publish invalidations on", "own feed only");
  options.add("--threads", configuration.threads, "Network threads", Range{1, 1024});
  options.add("--master-key-file", configuration.master_key_file,
              "File of master keys, one a line; none: DIR/master.key, created at first start");
  options.add("--pepper-file", configuration.pepper_file, "File with the pepper for digests of secrets");
  options.add(
      "--bus-key-file", configuration.bus_key_file,
      "File of keys for messages on Redis, one a line, the first one signs; none: messages are not signed");
  options.add("--webhooks-file", configuration.webhooks_file,
              "TOML file of webhooks (docs/webhooks.md); none: nobody is told");
  add_jwt_options(options, configuration.jwt);
  add_tls_options(options, configuration.tls);
  options.add("--key-prefix", configuration.key_prefix, "Prefix of issued secrets");
  options.add(
      "--storage-reserve-mib", configuration.storage_reserve_mib,
      "With less free disk creations and imports are refused; 0: a twentieth, 256 to 2048, at most half");
  options.add("--max-keys-per-workspace", configuration.max_keys_per_workspace,
              "Maximum of keys in a workspace that are not revoked; 0: no limit");
  options.add("--forget-after", configuration.forget_after,
              "How long revoked and expired keys stay in memory, at least 1s; never: no limit");
  options.add(
      "--checkpoint-after", configuration.checkpoint_after,
      "Events after which a checkpoint is made, or a sixteenth of the keys: a start replays later ones",
      Range{1, 1'000'000'000});
  options.add("--metrics", configuration.metrics,
              "Who may read /metrics: anyone, holders of the permission gateways:read, or nobody",
              {"open", "authenticated", "off"});
  options.add("--log-level", configuration.log_level, "debug, info, warning or error");
  options.add_flag("--dev", configuration.dev, "Temporary data, deleted at exit; prints its master key");
  return options.parse(argc, argv);
}

std::string read_pepper(const std::string& path) {
  if (path.empty()) return {};
  const auto lines = read_keys(path);
  if (lines.size() != 1 || lines.front().size() < 16) {
    throw ConfigurationError("the pepper file " + path + " must contain one line of at least 16 characters");
  }
  return lines.front();
}

std::chrono::milliseconds forget_after(const EngineConfiguration& configuration) {
  const auto& text = configuration.forget_after;
  if (text == "never") return std::chrono::milliseconds(0);
  const auto after = parse_duration(text, "--forget-after", std::chrono::days(36'500));
  if (after < std::chrono::seconds(1))
    throw ConfigurationError("--forget-after: '" + text + "' is less than 1s");
  return after;
}

}  // namespace revoked::tools
