#include "tools/programs/authentication.hpp"

#include <filesystem>
#include <utility>

#include "engine/model/secret.hpp"
#include "net/http/log.hpp"

namespace revoked::tools {
namespace {

// Version 0.1.0 could leave a partly written file.
void check_own_key(const std::string& path, const std::string& prefix) {
  std::error_code failed;
  bool is_cut = std::filesystem::file_size(path, failed) == 0;
  if (!is_cut) {
    const auto keys = read_keys(path);
    const auto begin = prefix + "_";
    is_cut = keys.size() == 1 &&
             keys.front().substr(0, begin.size()) == begin.substr(0, keys.front().size()) &&
             !engine::is_issued_secret(keys.front(), prefix);
  }
  if (is_cut)
    throw ConfigurationError("the master key in " + path +
                             " is incomplete: remove the file, and the next start creates a new one");
}

}  // namespace

std::string master_key_file(const EngineConfiguration& configuration) {
  if (!configuration.master_key_file.empty()) {
    read_keys(configuration.master_key_file);
    return configuration.master_key_file;
  }
  auto path = configuration.data_dir + "/master.key";
  const auto prefix = configuration.key_prefix + "master";
  if (!std::filesystem::exists(path)) {
    write_private_file(path, engine::new_secret(prefix) + "\n");
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

}  // namespace revoked::tools
