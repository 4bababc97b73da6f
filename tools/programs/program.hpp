#pragma once
// Code shared by the programs: options from flags, environment and a TOML file; signals.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/metrics.hpp"
#include "engine/base/options.hpp"
#include "engine/model/key_file.hpp"
#include "net/http/server.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace revoked::tools {

// A program prints its one line and exits with 2.
using engine::ConfigurationError;
using engine::parse_duration;
using engine::Range;
using engine::read_keys;

// Options of one program. Every option is also an environment variable (`--data-dir` is REVOKED_DATA_DIR for
// the prefix "REVOKED_") and a line in the TOML file of --config. Flags override the environment, which
// overrides the file.
class Options final : public engine::OptionList {
 public:
  Options(const std::string& program, std::string description, std::string environment_prefix);
  ~Options();

  // One of `choices`; empty: any text.
  void add(const std::string& name, std::string& value, const std::string& help,
           const std::vector<std::string>& choices = {}) override;
  void add(const std::string& name, std::uint64_t& value, const std::string& help,
           const std::optional<Range>& range = {}) override;
  void add(const std::string& name, std::int64_t& value, const std::string& help,
           const std::optional<Range>& range = {});
  void add_flag(const std::string& name, bool& value, const std::string& help);

  // The exit code if the program must end now (--help, --version, wrong options); the output is already
  // written.
  std::optional<int> parse(int argc, char** argv);

 private:
  template <class T>
  CLI::Option* add_shown(const std::string& name, T& value, const std::string& help);
  CLI::Option* bind(CLI::Option* option, const std::string& name);

  std::unique_ptr<CLI::App> app_;
  std::string prefix_;
};

extern const char* const version;
extern const char* const commit;  // of the repository

// Makes creations, renames and removals in the directory durable. Throws ConfigurationError.
void sync_directory(const std::string& path);

// Writes a file readable only by its owner, replacing an existing one atomically, even if the process or the
// machine crashes. Throws ConfigurationError on failure.
void write_private_file(const std::string& path, const std::string& content);

// Raises the limit of open files to the system's maximum; returns it.
std::size_t raise_descriptor_limit();

// Parse and check options. Throw ConfigurationError; its text never contains a password. The number of
// connections is limited so that `reserved` descriptors remain for files and outgoing connections. `held`:
// how many more a thread may have, because it cannot close them for others.
net::Server::Options parse_listen(const std::string& address, std::size_t threads, std::size_t reserved,
                                  std::size_t held = 0);

// Throws ConfigurationError if it cannot listen.
std::unique_ptr<net::Server> listen(const net::Server::Options& options, net::Service& service,
                                    net::Durability* durability);
// The metrics of any program: its version, and what the process uses.
std::shared_ptr<engine::Metrics> program_metrics();
// Prints "<program> is ready on http://HOST:PORT", or https, on standard output.
void announce(const std::string& program, const std::string& address, const net::Server& server);

void set_log_level(const std::string& name);

// Runs `body`; an exception becomes one line on standard error and an exit code.
int run_program(const std::string& name, const std::function<int()>& body);

}  // namespace revoked::tools
