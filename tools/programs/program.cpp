#include "tools/programs/program.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <exception>
#include <iostream>
#include <sstream>
#include <system_error>

#include "engine/base/process_usage.hpp"
#include "net/http/log.hpp"

namespace revoked::tools {

const char* const version = REVOKED_VERSION;
const char* const commit = REVOKED_COMMIT;

Options::Options(const std::string& program, std::string description, std::string environment_prefix)
    : app_(std::make_unique<CLI::App>(std::move(description), program)),
      prefix_(std::move(environment_prefix)) {
  app_->set_version_flag("--version", program + " " REVOKED_VERSION " (" REVOKED_COMMIT ")");
  bind(app_->set_config("--config", "", "Read options from this TOML file"), "--config");
  app_->allow_config_extras(CLI::config_extras_mode::error);
  app_->allow_extras(false);
}

Options::~Options() = default;

template <class T>
CLI::Option* Options::add_shown(const std::string& name, T& value, const std::string& help) {
  return bind(app_->add_option(name, value, help)->capture_default_str(), name);
}

void Options::add(const std::string& name, std::string& value, const std::string& help,
                  const std::vector<std::string>& choices) {
  auto* option = add_shown(name, value, help);
  if (!choices.empty()) option->check(CLI::IsMember(choices));
}

void Options::add(const std::string& name, std::uint64_t& value, const std::string& help,
                  const std::optional<Range>& range) {
  auto* option = add_shown(name, value, help);
  if (range) option->check(CLI::Range(range->least, range->most));
}

void Options::add(const std::string& name, std::int64_t& value, const std::string& help,
                  const std::optional<Range>& range) {
  auto* option = add_shown(name, value, help);
  if (range) option->check(CLI::Range(range->least, range->most));
}

void Options::add_flag(const std::string& name, bool& value, const std::string& help) {
  bind(app_->add_flag(name, value, help), name);
}

CLI::Option* Options::bind(CLI::Option* option, const std::string& name) {
  auto variable = prefix_ + name.substr(2);
  std::transform(variable.begin(), variable.end(), variable.begin(),
                 [](unsigned char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
  return option->envname(variable);
}

std::optional<int> Options::parse(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
    return {};
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app_->exit(error);
    std::cerr << app_->get_name() << ": " << error.what() << " (--help lists the options)\n";
    return 2;
  }
}

void sync_directory(const std::string& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool good = directory >= 0 && ::fsync(directory) == 0;
  const auto why = errno;
  if (directory >= 0) ::close(directory);
  if (!good)
    throw ConfigurationError("cannot sync the directory " + path + ": " +
                             std::generic_category().message(why));
}

void write_private_file(const std::string& path, const std::string& content) {
  const auto draft = path + ".new";
  ::unlink(draft.c_str());  // left by an interrupted run
  const int file = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0)
    throw ConfigurationError("cannot create " + draft + ": " + std::generic_category().message(errno));
  const auto written = ::write(file, content.data(), content.size());
  if (written >= 0 && written < static_cast<ssize_t>(content.size())) errno = ENOSPC;
  const bool good = written == static_cast<ssize_t>(content.size()) && ::fsync(file) == 0;
  const auto why = errno;
  ::close(file);
  if (!good) throw ConfigurationError("cannot write " + draft + ": " + std::generic_category().message(why));
  if (::rename(draft.c_str(), path.c_str()) != 0)
    throw ConfigurationError("cannot create " + path + ": " + std::generic_category().message(errno));
  const auto slash = path.rfind('/');
  sync_directory(slash == std::string::npos ? "." : path.substr(0, slash + 1));
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    throw ConfigurationError("cannot read the limit of open files: " +
                             std::generic_category().message(errno));
  // Some systems report a higher limit than they grant.
  for (; limit.rlim_cur < limit.rlim_max; limit.rlim_max /= 2) {
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
  }
  return limit.rlim_cur;
}

net::Server::Options parse_listen(const std::string& address, std::size_t threads, std::size_t reserved,
                                  std::size_t held) {
  const auto endpoint = net::parse_listen(address);
  if (!endpoint) throw ConfigurationError("--listen: '" + address + "' is not ADDRESS:PORT");
  net::Server::Options options{*endpoint, threads, {}};
  constexpr std::size_t own = 8;  // descriptors of a thread, besides connections
  constexpr std::size_t fewest = 16;
  const auto limit = raise_descriptor_limit();
  const auto needed = reserved + threads * (own + fewest);
  if (limit < needed) {
    throw ConfigurationError("the limit of open files is " + std::to_string(limit) + ", but " +
                             std::to_string(needed) + " is the minimum for " + std::to_string(threads) +
                             " threads (ulimit -n, LimitNOFILE=)");
  }
  auto& connections = options.limits.connections;
  connections = std::min(connections + held, (limit - reserved) / threads - own);
  return options;
}

namespace {

// An uncaught exception on any thread would end the process without a message.
[[noreturn]] void end_with_what_was_thrown() {
  std::string what = "unexpected error";
  try {
    if (std::current_exception()) std::rethrow_exception(std::current_exception());
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
    what = "unexpected exception";
  }
  net::end_the_process(what);
}

}  // namespace

std::unique_ptr<net::Server> listen(const net::Server::Options& options, net::Service& service,
                                    net::Durability* durability) {
  try {
    auto server = std::make_unique<net::Server>(options, service, durability);
    net::log(net::Level::info, "listening",
             {{"connections", std::to_string(options.limits.connections * options.threads)}});
    return server;
  } catch (const boost::system::system_error& error) {
    std::ostringstream address;
    address << options.listen;
    throw ConfigurationError("cannot listen on " + address.str() + ": " + error.code().message());
  }
}

std::shared_ptr<engine::Metrics> program_metrics() {
  auto metrics = std::make_shared<engine::Metrics>();
  metrics->add([usage = std::make_shared<engine::ProcessUsage>()](engine::MetricsWriter& out) {
    out.gauge("revoked_build_info", "The version that runs, as labels. Always 1.")
        .sample(std::uint64_t{1}, {{"version", REVOKED_VERSION}, {"commit", REVOKED_COMMIT}});
    usage->write(out);
  });
  return metrics;
}

void announce(const std::string& program, const std::string& address, const net::Server& server) {
  const auto host = address.substr(0, address.rfind(':'));
  std::cout << program << " is ready on " << (server.is_encrypted() ? "https://" : "http://")
            << (host.empty() ? "0.0.0.0" : host) << ':' << server.port() << std::endl;
}

void set_log_level(const std::string& name) {
  const auto level = net::parse_level(name);
  if (!level) throw ConfigurationError("--log-level: '" + name + "' is not debug, info, warning or error");
  net::set_log_level(*level);
}

int run_program(const std::string& name, const std::function<int()>& body) {
  std::set_terminate(end_with_what_was_thrown);
  try {
    const net::StandardErrorLog log;
    return body();
  } catch (const ConfigurationError& error) {
    std::cerr << name << ": " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << '\n';
    return 1;
  }
}

}  // namespace revoked::tools
