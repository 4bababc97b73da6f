#pragma once
// A connection to a PostgreSQL server, for what a test does besides the programs: SQL, also while it waits
// for a standby. Not for several threads at once.

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

struct pg_conn;
struct pg_result;

namespace revoked::test {

using PostgresRows = std::vector<std::vector<std::string>>;  // as text; a NULL is empty

// Refused by the server, or the connection is lost: then `sqlstate` is empty.
struct PostgresError : std::runtime_error {
  PostgresError(const std::string& message, std::string state)
      : std::runtime_error(message), sqlstate(std::move(state)) {}
  std::string sqlstate;
};

class PostgresConnection {
 public:
  // A URL or keywords with values, as for libpq. Throws PostgresError if it cannot connect in 10 s.
  explicit PostgresConnection(const std::string& address);
  ~PostgresConnection();
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  // The rows of the last of one or more statements. Throws PostgresError, also if it takes longer than 60 s.
  PostgresRows rows(const std::string& sql);

  // In two steps: `result` is nothing if there is no answer within `limit`, and may be called again.
  void send(const std::string& sql);
  std::optional<PostgresRows> result(std::chrono::milliseconds limit);

  // The SQLSTATE of each notice and warning so far.
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  static void on_notice(void* self, const pg_result* notice);
  bool is_ready(std::chrono::steady_clock::time_point deadline);

  pg_conn* connection_;
  std::vector<std::string> notices_;
  std::string error_;
  std::string error_state_;
  PostgresRows rows_;
};

}  // namespace revoked::test
