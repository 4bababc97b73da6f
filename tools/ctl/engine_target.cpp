#include "tools/ctl/engine_target.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "tools/programs/program.hpp"

namespace revoked::ctl {
namespace {

using tools::ConfigurationError;

constexpr std::string_view usual_engine = "http://127.0.0.1:7385";
constexpr const char* configuration_of_all = "/etc/revoked/revokectl.toml";

struct NamedEngine {
  std::string url;
  std::string key_file;
  std::string ca_file;
};

struct Configuration {
  std::string usual;  // the name of the default
  std::map<std::string, NamedEngine> engines;
};

const char* variable(const char* name) {
  return std::getenv(name);  // NOLINT(concurrency-mt-unsafe): there is one thread
}

std::string usual_path() {
  const char* const base = variable("XDG_CONFIG_HOME");
  const char* const home = variable("HOME");
  if (base != nullptr && *base != '\0') return std::string(base) + "/revoked/revokectl.toml";
  return home == nullptr ? "" : std::string(home) + "/.config/revoked/revokectl.toml";
}

// "~/" is the home directory: the file is written by people.
std::string expanded(const std::string& path) {
  const char* const home = variable("HOME");
  return path.starts_with("~/") && home != nullptr ? home + path.substr(1) : path;
}

void set(Configuration& configuration, const CLI::ConfigItem& item, const std::string& path) {
  const auto text = item.inputs.empty() ? std::string() : item.inputs.front();
  if (item.parents.empty() && item.name == "default") {
    configuration.usual = text;
    return;
  }
  const bool is_engine = item.parents.size() == 2 && item.parents.front() == "engine";
  if (item.name == "++" || item.name == "--") {
    if (is_engine) configuration.engines[item.parents.back()];
    return;
  }
  if (is_engine) {
    auto& engine = configuration.engines[item.parents.back()];
    if (item.name == "url") return void(engine.url = text);
    if (item.name == "key_file") return void(engine.key_file = expanded(text));
    if (item.name == "ca_file") return void(engine.ca_file = expanded(text));
  }
  throw ConfigurationError(path + ": '" + item.fullname() +
                           "' is neither default nor url, key_file or ca_file of a table [engine.NAME]");
}

Configuration read_configuration(const std::string& given) {
  Configuration configuration;
  auto path = given;
  if (given.empty()) {
    std::error_code ignored;
    path = usual_path();
    if (!std::filesystem::exists(path, ignored)) path = configuration_of_all;
    if (!std::filesystem::exists(path, ignored)) return configuration;
  }
  std::ifstream file(path);
  if (!file) throw ConfigurationError("--config: cannot read " + path);
  try {
    for (const auto& item : CLI::ConfigTOML().from_config(file)) set(configuration, item, path);
  } catch (const CLI::Error& error) {
    throw ConfigurationError(path + ": " + error.what());
  }
  return configuration;
}

[[noreturn]] void refuse(const std::string& engine) {
  throw ConfigurationError("--engine: '" + engine +
                           "' is neither http[s]://HOST[:PORT] nor a name in the configuration file");
}

void set_url(Target& target, const std::string& url) {
  const bool has_scheme = url.find("://") != url.npos;
  const auto address = cache::parse_http_url(has_scheme ? url : "http://" + url, target.port);
  if (!address) refuse(url);
  target.host = address->host;
  target.port = address->port;
  target.is_encrypted = address->is_encrypted;
  target.url = cache::format_http_url(*address);
}

}  // namespace

Target find_engine(const EngineOptions& options) {
  const auto configuration = read_configuration(options.configuration);
  auto name = options.engine.empty() ? configuration.usual : options.engine;
  NamedEngine engine;
  if (const auto found = configuration.engines.find(name); found != configuration.engines.end()) {
    engine = found->second;
    if (engine.url.empty()) throw ConfigurationError("the engine '" + name + "' has no url");
  } else if (name.find(':') != name.npos) {
    engine.url = name;
  } else if (name.empty()) {
    engine.url = usual_engine;
  } else {
    refuse(name);
  }
  Target target;
  set_url(target, engine.url);
  target.ca_file = options.ca_file.empty() ? engine.ca_file : options.ca_file;
  const auto& key_file = options.key_file.empty() ? engine.key_file : options.key_file;
  if (!key_file.empty()) target.credential = tools::read_keys(key_file).front();
  return target;
}

}  // namespace revoked::ctl
