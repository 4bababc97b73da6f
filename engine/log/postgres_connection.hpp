#pragma once
// One connection to PostgreSQL (libpq), used by one thread; interrupt() from any thread. Calls block, for at
// most Options::timeout each, by a timer of their own: `statement_timeout` does not end a wait for a
// synchronous standby. Every failure closes the connection, so that no late answer is taken for that of the
// next statement; a statement that ends with a warning has failed, since PostgreSQL answers success to a
// cancelled wait for the standby (its documentation, "Synchronous Replication").

#include <atomic>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/boot_clock.hpp"
#include "engine/base/error.hpp"

struct pg_conn;  // of libpq-fe.h
struct pg_result;

namespace revoked::engine {

struct PostgresDeleter {
  void operator()(pg_conn* connection) const;
  void operator()(pg_result* outcome) const;
};

// The rows that a statement returned, in binary form.
class PostgresRows {
 public:
  explicit PostgresRows(std::unique_ptr<pg_result, PostgresDeleter> outcome) : outcome_(std::move(outcome)) {}
  std::size_t size() const;
  std::uint64_t integer(std::size_t row, int column) const;   // of any integer type
  std::string_view bytes(std::size_t row, int column) const;  // of text and bytea; valid as long as this

 private:
  std::unique_ptr<pg_result, PostgresDeleter> outcome_;
};

// Text must end with a NUL, as that of a std::string does.
struct PostgresParameter {
  std::string_view bytes;
  bool is_binary = false;
};
// Prepared at its first use on a connection, under its name.
struct PostgresStatement {
  const char* name;
  const char* text;
};

class PostgresConnection {
 public:
  struct Options {
    std::string url;  // postgresql://…, as libpq reads it; of several hosts one that accepts writes is used
    std::chrono::milliseconds timeout{3000};  // of each call
    std::string application = "revoked";      // application_name
  };

  explicit PostgresConnection(Options options);
  ~PostgresConnection();
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  // Connects unless it is connected. errc::refused: the URL; unavailable, not_ready (interrupted).
  result<void> open();
  bool is_open() const { return connection_ != nullptr; }
  void close();

  result<PostgresRows> run(const PostgresStatement& statement,
                           std::initializer_list<PostgresParameter> parameters = {});
  // Several statements without parameters, whose rows are dropped.
  result<void> run_script(const char* text);
  // Until a notification for which LISTEN was run, at most that long. It may return early.
  void wait_for_notification(std::chrono::milliseconds limit);

  // Ends the current and every later call with errc::not_ready. From any thread.
  void interrupt();

  // Closes the connection for that reason; the second keeps it.
  errc fail(errc code, std::string_view why);
  void set_failure(std::string why) { failure_ = std::move(why); }
  // What went wrong last, in the server's words or ours, without the password.
  const std::string& failure() const { return failure_; }
  // The server's code for the last statement's error; empty: it had none.
  const std::string& sqlstate() const { return sqlstate_; }
  // host:port of the server, once connected.
  const std::string& server() const { return server_; }
  // The next open() begins with the server that `other`, of the same URL, is connected to.
  void begin_at_server_of(const PostgresConnection& other) { first_host_ = other.first_host_; }

 private:
  using Clock = BootClock;

  result<void> open(std::string_view host, std::string_view port, Clock::time_point deadline);
  result<PostgresRows> finish(bool is_sent, Clock::time_point deadline);
  result<void> flush(Clock::time_point deadline);
  // errc::timed_out or errc::not_ready (interrupted) if the socket is not ready by then.
  result<void> wait(bool writes, Clock::time_point deadline);

  const Options options_;
  std::unique_ptr<pg_conn, PostgresDeleter> connection_;
  std::vector<std::string> prepared_;  // names of statements
  std::string failure_;
  std::string server_;
  // Where open() begins. After a server that does not answer in time comes the next: a former primary whose
  // standby was promoted still accepts connections, and confirms nothing.
  std::size_t first_host_ = 0;
  std::string sqlstate_;
  std::string warning_;  // of the statement that runs
  int wake_ = -1;        // eventfd
  std::atomic<bool> interrupted_{false};
};

}  // namespace revoked::engine
