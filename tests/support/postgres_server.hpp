#pragma once
// A private PostgreSQL server (14 or newer, from Debian's packages) in its own directory, with fsync unless a
// test says otherwise. Run by root it is of another user, as it demands. It never outlives the test: the
// destructor kills it, or the kernel if the test dies first. The kernel does so when the thread that started
// the server ends, as for Process; and in a Network it is on the host of that thread.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/postgres_connection.hpp"
#include "tests/support/process.hpp"
#include "tests/support/reserved_port.hpp"
#include "tests/support/temporary_directory.hpp"

namespace revoked::test {

class PostgresServer {
 public:
  struct Options {
    std::vector<std::string> configuration{};  // lines of postgresql.conf, such as "fsync = off"
    std::string address = "127.0.0.1";         // where it listens
    const PostgresServer* primary = nullptr;   // if set: this is a standby, see `follow`
  };
  static constexpr const char* user = "revoked";          // the superuser; there is no password
  static constexpr const char* standby_name = "standby";  // the application_name of a standby

  // Starts it. Throws if there is no PostgreSQL or it does not start.
  PostgresServer() : PostgresServer(Options{}) {}
  explicit PostgresServer(Options options);
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  std::uint16_t port() const { return port_.number(); }
  std::string host_and_port() const { return options_.address + ":" + std::to_string(port()); }
  std::string url() const {
    return "postgresql://" + std::string(user) + "@" + host_and_port() + "/postgres";
  }
  std::string local_address() const;  // for libpq, through its Unix socket, which cut networks do not cut
  std::filesystem::path data() const { return directory_ / "data"; }
  std::string log_text() const { return read_file(log()); }

  void start();             // on the same port and data
  void stop();              // as an operator would ("fast"): sessions end, all is written
  void stop_immediately();  // sessions are cut; the next start recovers
  void kill();              // SIGKILL to all of its processes at one moment, and waits for them
  void pause();             // SIGSTOP to all of them: connections stay, nothing answers
  void resume();
  bool is_running() const { return process_ && process_->is_running(); }

  // Appends a line to postgresql.conf; returns once the running server has read it. What takes a restart
  // needs one.
  void configure(const std::string& line);

  // Replaces its data by a copy of the primary's, and starts it as a standby under `standby_name`.
  void follow(const PostgresServer& primary);
  void promote();  // a standby; returns once it accepts changes
  bool is_standby() const { return value("SELECT pg_is_in_recovery()") == "t"; }

  // On a connection of its own, through the Unix socket. Throws PostgresError.
  PostgresRows rows(const std::string& sql) const { return PostgresConnection(local_address()).rows(sql); }
  std::string value(const std::string& sql) const;  // the first field; empty if there is none

  // Of the sessions with that application_name; how many there were.
  std::size_t terminate(const std::string& application);
  std::size_t cancel(const std::string& application);  // what they are waiting for

 private:
  std::filesystem::path log() const { return directory_ / "log"; }
  void stop_by(int signal);
  std::size_t signal_sessions(const std::string& function, const std::string& application);
  void release_watcher();

  Options options_;
  ReservedPort port_;
  TemporaryDirectory directory_;
  std::unique_ptr<Process> process_;
  std::vector<pid_t> paused_;
  pid_t watcher_ = -1;  // kills what is paused if the test dies
  int watched_ = -1;
};

// A primary whose commits wait for a standby (`synchronous_standby_names`).
class PostgresPair {
 public:
  explicit PostgresPair(std::vector<std::string> configuration = {});
  // In a Network: a primary, and a standby of it, each started on its host.
  PostgresPair(std::unique_ptr<PostgresServer> primary, std::unique_ptr<PostgresServer> standby);

  // Both servers: libpq finds the primary.
  std::string url() const;
  PostgresServer& primary() { return *servers_[primary_]; }
  PostgresServer& standby() { return *servers_[1 - primary_]; }  // after `fail_over`: the former primary

  enum class Commits { wait, do_not_wait };
  // Promotes the standby. The former primary stays as it is: kill it before, or not. Commits of the new
  // primary wait for a standby, which there is only after `rejoin`, or do not.
  void fail_over(Commits commits);
  // The former primary becomes the standby, with the primary's data, on the same port. Commits wait for it.
  void rejoin();

 private:
  void synchronise();

  std::unique_ptr<PostgresServer> servers_[2];
  std::size_t primary_ = 0;
};

}  // namespace revoked::test
