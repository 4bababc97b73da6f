#include "tests/support/postgres_server.hpp"

#include <fcntl.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "tests/support/eventually.hpp"
#include "tests/support/process_family.hpp"

namespace revoked::test {
namespace {

constexpr auto step_limit = 60s;  // for each step of a server
constexpr int oldest_version = 14;

// Each test has its own server, nobody else its directory: whoever connects may do everything.
constexpr const char* access_rules = "local all,replication all trust\nhost all,replication all all trust\n";

constexpr const char* base_configuration =
    "log_line_prefix = '%m [%p] %a '\n"
    "dynamic_shared_memory_type = mmap\n"    // in its own directory: nothing is left behind
    "wal_keep_size = 1GB\n"                  // a standby that was away finds what it missed
    "wal_retrieve_retry_interval = 100ms\n"  // and soon
    "synchronous_commit = on\n";

// The programs of the newest version.
std::filesystem::path programs() {
  static const auto found = [] {
    std::filesystem::path newest;
    int version = oldest_version - 1;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
      const auto name = entry.path().filename().string();
      int number = 0;
      std::from_chars(name.data(), name.data() + name.size(), number);
      const auto folder = entry.path() / "bin";
      if (number <= version || !std::filesystem::exists(folder / "initdb")) continue;
      version = number;
      newest = folder;
    }
    if (newest.empty()) throw std::runtime_error("no PostgreSQL 14 or newer in /usr/lib/postgresql");
    return newest;
  }();
  return found;
}

struct Account {
  uid_t user;
  gid_t group;
};

// Whom a server runs as: root may not.
Account account() {
  if (::geteuid() != 0) return {::geteuid(), ::getegid()};
  for (const auto* name : {"postgres", "nobody"}) {
    if (const auto* entry = ::getpwnam(name)) return {entry->pw_uid, entry->pw_gid};
  }
  throw std::runtime_error("there is neither postgres nor nobody to run PostgreSQL as");
}

void give_away(const std::filesystem::path& path) {
  const auto [user, group] = account();
  if (::chown(path.c_str(), user, group) != 0)
    throw std::system_error(errno, std::generic_category(), "chown " + path.string());
}

std::vector<std::string> as_account(std::vector<std::string> command) {
  if (::geteuid() != 0) return command;
  const auto [user, group] = account();
  // A change of the user takes the signal at the parent's death back.
  std::vector<std::string> all{"setpriv", "--reuid=" + std::to_string(user),
                               "--regid=" + std::to_string(group), "--clear-groups", "--pdeathsig=KILL"};
  all.insert(all.end(), command.begin(), command.end());
  return all;
}

void run_program(std::vector<std::string> command, const TemporaryDirectory& directory) {
  Process process(
      {.command = as_account(std::move(command)), .log = directory / "log", .directory = directory.path()});
  if (process.wait(step_limit) != 0) throw std::runtime_error(process.description());
}

// What initdb makes, once per process, since it takes a second.
const std::filesystem::path& new_data(const char* user) {
  static const TemporaryDirectory directory;
  static const auto data = [user] {
    auto path = directory / "data";
    give_away(directory.path());
    run_program({programs() / "initdb", "--pgdata=" + path.string(), "--username=" + std::string(user),
                 "--auth=trust", "--locale=C", "--encoding=UTF8", "--no-sync"},
                directory);
    write_file(path / "pg_hba.conf", access_rules);
    std::ofstream(path / "postgresql.conf", std::ios::app) << base_configuration;
    return path;
  }();
  return data;
}

// The segment by which PostgreSQL knows whether its data are in use would outlive a SIGKILL: now it ends with
// its last process. Its id is the second number of the seventh line of postmaster.pid.
void release_shared_memory(const std::filesystem::path& data) {
  std::ifstream file(data / "postmaster.pid");
  std::string line;
  for (int i = 0; i < 7; ++i) std::getline(file, line);
  unsigned long key = 0;
  int id = -1;
  if (std::istringstream(line) >> key >> id) ::shmctl(id, IPC_RMID, nullptr);
}

}  // namespace

PostgresServer::PostgresServer(Options options) : options_(std::move(options)) {
  give_away(directory_.path());
  if (options_.primary) {
    follow(*options_.primary);
    return;
  }
  run_program({"cp", "-a", new_data(user), data()}, directory_);
  for (const auto& line : options_.configuration) configure(line);
  start();
}

PostgresServer::~PostgresServer() { kill(); }

std::string PostgresServer::local_address() const {
  return "host=" + directory_.path().string() + " port=" + std::to_string(port()) + " user=" + user +
         " dbname=postgres";
}

void PostgresServer::start() {
  if (is_running()) throw std::logic_error("it runs");
  process_ = std::make_unique<Process>(Process::Options{
      .command = as_account({programs() / "postgres", "-D", data(), "-p", std::to_string(port()), "-c",
                             "listen_addresses=" + options_.address, "-c",
                             "unix_socket_directories=" + directory_.path().string()}),
      .log = log(),
      .directory = directory_.path()});
  const auto address = local_address();
  const auto accepts = [&] { return !is_running() || PQping(address.c_str()) == PQPING_OK; };
  if (!eventually(accepts, step_limit) || !is_running())
    throw std::runtime_error("PostgreSQL does not start: " + process_->description());
  release_shared_memory(data());
}

void PostgresServer::stop_by(int signal) {
  if (!is_running()) return;
  resume();
  process_->signal(signal);
  if (!process_->wait(step_limit))
    throw std::runtime_error("PostgreSQL does not stop: " + process_->description());
}

void PostgresServer::stop() { stop_by(SIGINT); }
void PostgresServer::stop_immediately() { stop_by(SIGQUIT); }

void PostgresServer::kill() {
  if (!is_running()) return;
  pause();
  for (const auto pid : paused_) ::kill(pid, SIGKILL);
  process_->wait(step_limit);
  eventually([this] {
    return std::all_of(paused_.begin(), paused_.end(), [](pid_t pid) { return has_ended(pid); });
  });
  paused_.clear();
  release_watcher();
}

void PostgresServer::pause() {
  if (!is_running() || !paused_.empty()) return;
  paused_ = stop_family(process_->pid());
  // The kernel kills the server if the test dies, but not its processes, which would stay stopped for ever.
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  watcher_ = ::fork();
  if (watcher_ == 0) {  // only async-signal-safe calls: the test has threads
    // What the test closes shall be closed.
    ::dup2(ends[0], 0);
    ::close_range(1, ~0U, 0);
    char nothing = 0;
    while (::read(0, &nothing, 1) < 0 && errno == EINTR) {
    }
    for (const auto pid : paused_) ::kill(pid, SIGKILL);
    ::_exit(0);
  }
  ::close(ends[0]);
  watched_ = ends[1];
}

void PostgresServer::resume() {
  release_watcher();
  for (const auto pid : paused_) ::kill(pid, SIGCONT);
  paused_.clear();
}

void PostgresServer::release_watcher() {
  if (watcher_ > 0) {
    ::kill(watcher_, SIGKILL);
    ::waitpid(watcher_, nullptr, 0);
    ::close(watched_);
  }
  watcher_ = watched_ = -1;
}

void PostgresServer::configure(const std::string& line) {
  std::ofstream(data() / "postgresql.conf", std::ios::app) << line << "\n";
  if (!is_running()) return;
  const auto loaded = [this] { return value("SELECT pg_conf_load_time()"); };
  const auto before = loaded();
  process_->signal(SIGHUP);
  if (!eventually([&] { return loaded() != before; })) throw std::runtime_error("not read: " + line);
}

void PostgresServer::follow(const PostgresServer& primary) {
  kill();
  std::filesystem::remove_all(data());
  // -R: the copy will be a standby, by the same address.
  run_program({programs() / "pg_basebackup", "-D", data(), "-R", "-X", "stream", "--checkpoint=fast",
               "--no-sync", "-d", primary.url() + "?application_name=" + standby_name},
              directory_);
  for (const auto& line : options_.configuration) configure(line);
  start();
}

void PostgresServer::promote() {
  // Without waiting there: a query keeps row versions, and the end of recovery may wait for it, for 30 s.
  value("SELECT pg_promote(false)");
  if (!eventually([this] { return !is_standby(); })) throw std::runtime_error("not promoted: " + log_text());
}

std::string PostgresServer::value(const std::string& sql) const {
  const auto all = rows(sql);
  return all.empty() || all[0].empty() ? "" : all[0][0];
}

std::size_t PostgresServer::signal_sessions(const std::string& function, const std::string& application) {
  return std::stoul(value("SELECT count(" + function +
                          "(pid)) FROM pg_stat_activity WHERE application_name = '" + application + "'"));
}
std::size_t PostgresServer::terminate(const std::string& application) {
  return signal_sessions("pg_terminate_backend", application);
}
std::size_t PostgresServer::cancel(const std::string& application) {
  return signal_sessions("pg_cancel_backend", application);
}

PostgresPair::PostgresPair(std::vector<std::string> configuration) {
  servers_[0] = std::make_unique<PostgresServer>(PostgresServer::Options{.configuration = configuration});
  servers_[1] = std::make_unique<PostgresServer>(
      PostgresServer::Options{.configuration = std::move(configuration), .primary = servers_[0].get()});
  synchronise();
}

PostgresPair::PostgresPair(std::unique_ptr<PostgresServer> primary, std::unique_ptr<PostgresServer> standby)
    : servers_{std::move(primary), std::move(standby)} {
  synchronise();
}

std::string PostgresPair::url() const {
  return "postgresql://" + std::string(PostgresServer::user) + "@" + servers_[0]->host_and_port() + "," +
         servers_[1]->host_and_port() + "/postgres?target_session_attrs=read-write";
}

void PostgresPair::fail_over(Commits commits) {
  auto& next = standby();
  next.configure(std::string("synchronous_standby_names = '") +
                 (commits == Commits::wait ? PostgresServer::standby_name : "") + "'");
  next.promote();
  primary_ = 1 - primary_;
}

void PostgresPair::rejoin() {
  standby().follow(primary());
  synchronise();
}

// Not before the standby is there: until then every commit would wait.
void PostgresPair::synchronise() {
  primary().configure(std::string("synchronous_standby_names = 'FIRST 1 (") + PostgresServer::standby_name +
                      ")'");
  const auto is_synchronous = [this] {
    return primary().value(
               std::string("SELECT sync_state FROM pg_stat_replication WHERE application_name = '") +
               PostgresServer::standby_name + "'") == "sync";
  };
  if (!eventually(is_synchronous, step_limit))
    throw std::runtime_error("no synchronous standby: " + standby().log_text());
}

}  // namespace revoked::test
