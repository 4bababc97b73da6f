#include "tests/support/postgres_connection.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <memory>

namespace revoked::test {
namespace {

using Clock = std::chrono::steady_clock;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

PostgresRows rows_of(const PGresult* result) {
  PostgresRows rows(static_cast<std::size_t>(PQntuples(result)));
  for (int row = 0; row < PQntuples(result); ++row) {
    for (int field = 0; field < PQnfields(result); ++field)
      rows[static_cast<std::size_t>(row)].emplace_back(PQgetvalue(result, row, field));
  }
  return rows;
}

std::string state_of(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state ? state : "";
}

}  // namespace

PostgresConnection::PostgresConnection(const std::string& address) {
  const char* const names[] = {"dbname", "connect_timeout", nullptr};
  const char* const values[] = {address.c_str(), "10", nullptr};
  connection_ = PQconnectdbParams(names, values, /*expand_dbname=*/1);
  if (PQstatus(connection_) != CONNECTION_OK) {
    const std::string message = PQerrorMessage(connection_);
    PQfinish(connection_);
    throw PostgresError(message, "");
  }
  PQsetNoticeReceiver(connection_, on_notice, this);
}

PostgresConnection::~PostgresConnection() { PQfinish(connection_); }

PostgresRows PostgresConnection::rows(const std::string& sql) {
  send(sql);
  if (auto rows = result(std::chrono::seconds(60))) return *std::move(rows);
  throw PostgresError("no answer in 60 s: " + sql, "");
}

void PostgresConnection::send(const std::string& sql) {
  rows_.clear();
  error_.clear();
  error_state_.clear();
  if (PQsendQuery(connection_, sql.c_str()) != 1) throw PostgresError(PQerrorMessage(connection_), "");
}

std::optional<PostgresRows> PostgresConnection::result(std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  while (is_ready(deadline)) {
    const Result result(PQgetResult(connection_), PQclear);
    if (!result) {
      if (!error_.empty()) throw PostgresError(error_, error_state_);
      return std::move(rows_);
    }
    const auto status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
      rows_ = rows_of(result.get());
    } else {
      error_ = PQresultErrorMessage(result.get());
      if (error_.empty()) error_ = PQresStatus(status);
      error_state_ = state_of(result.get());
    }
  }
  return std::nullopt;
}

// Whether PQgetResult would answer at once. A lost connection is an answer.
bool PostgresConnection::is_ready(Clock::time_point deadline) {
  while (PQisBusy(connection_) == 1) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd readable{PQsocket(connection_), POLLIN, 0};
    if (::poll(&readable, 1, static_cast<int>(std::max<long>(left, 0))) <= 0 && left <= 0) return false;
    if (PQconsumeInput(connection_) != 1) throw PostgresError(PQerrorMessage(connection_), "");
  }
  return true;
}

void PostgresConnection::on_notice(void* self, const PGresult* notice) {
  static_cast<PostgresConnection*>(self)->notices_.push_back(state_of(notice));
}

}  // namespace revoked::test
