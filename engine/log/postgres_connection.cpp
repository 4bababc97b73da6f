#include "engine/log/postgres_connection.hpp"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace revoked::engine {
namespace {

constexpr std::chrono::seconds time_per_host{2};

std::string one_line(std::string_view text) {
  std::string line(text.substr(0, text.find_last_not_of(" \n") + 1));
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

// The values of a list such as "a,b"; of one that is empty: one empty value.
std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> values;
  for (;;) {
    const auto comma = list.find(',');
    values.emplace_back(list.substr(0, comma));
    if (comma == list.npos) return values;
    list.remove_prefix(comma + 1);
  }
}

void on_notice(void* warning, const PGresult* notice) {
  const char* const state = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
  if (state != nullptr && std::string_view(state).starts_with("01"))
    static_cast<std::string*>(warning)->assign(one_line(PQresultErrorMessage(notice)));
}

}  // namespace

void PostgresDeleter::operator()(pg_conn* connection) const { PQfinish(connection); }
void PostgresDeleter::operator()(pg_result* outcome) const { PQclear(outcome); }

std::size_t PostgresRows::size() const { return static_cast<std::size_t>(PQntuples(outcome_.get())); }

std::string_view PostgresRows::bytes(std::size_t row, int column) const {
  const int number = static_cast<int>(row);
  return {PQgetvalue(outcome_.get(), number, column),
          static_cast<std::size_t>(PQgetlength(outcome_.get(), number, column))};
}

// Big endian.
std::uint64_t PostgresRows::integer(std::size_t row, int column) const {
  std::uint64_t value = 0;
  for (const char byte : bytes(row, column)) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

PostgresConnection::PostgresConnection(Options options)
    : options_(std::move(options)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

PostgresConnection::~PostgresConnection() {
  close();
  ::close(wake_);
}

void PostgresConnection::close() {
  connection_.reset();
  prepared_.clear();
}

void PostgresConnection::interrupt() {
  interrupted_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

errc PostgresConnection::fail(errc code, std::string_view why) {
  failure_ = one_line(why);
  if (code == errc::timed_out) ++first_host_;
  close();
  return code;
}

// ---- connecting

result<void> PostgresConnection::open() {
  if (is_open()) return {};
  char* refusal = nullptr;
  auto* const parsed = PQconninfoParse(options_.url.c_str(), &refusal);
  if (parsed == nullptr) {
    const std::string why = refusal == nullptr ? "no memory" : refusal;
    PQfreemem(refusal);
    return fail(errc::refused, why);
  }
  std::vector<std::string> hosts{{}}, ports{{}};
  for (const auto* each = parsed; each->keyword != nullptr; ++each) {
    const std::string_view keyword = each->keyword;
    if (each->val == nullptr) continue;
    if (keyword == "host") hosts = split(each->val);
    if (keyword == "port") ports = split(each->val);
  }
  PQconninfoFree(parsed);
  // One at a time: libpq goes on to the next one only when the system reports that one cannot be reached.
  result<void> opened = errc::unavailable;
  std::string failures;
  for (std::size_t tried = 0; tried < hosts.size() && !opened; ++tried) {
    const auto i = (first_host_ + tried) % hosts.size();
    opened = open(hosts[i], ports[ports.size() == 1 ? 0 : std::min(i, ports.size() - 1)],
                  Clock::now() + std::min<std::chrono::nanoseconds>(time_per_host, options_.timeout));
    if (opened.has_error() && opened.error() == errc::not_ready) return opened;
    if (!opened) failures += (failures.empty() ? "" : "; ") + failure_;
    if (opened) first_host_ = i;
  }
  if (!opened) return fail(errc::unavailable, failures);
  return {};
}

result<void> PostgresConnection::open(std::string_view host, std::string_view port,
                                      Clock::time_point deadline) {
  const std::string one_host(host), one_port(port);
  std::vector<const char*> keywords{
      "dbname",           "application_name",    "tcp_user_timeout", "keepalives_idle", "keepalives_interval",
      "keepalives_count", "target_session_attrs"};
  std::vector<const char*> values{options_.url.c_str(), options_.application.c_str(), "3000", "2", "1", "3",
                                  "read-write"};
  if (!one_host.empty()) keywords.push_back("host"), values.push_back(one_host.c_str());
  if (!one_port.empty()) keywords.push_back("port"), values.push_back(one_port.c_str());
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  connection_.reset(PQconnectStartParams(keywords.data(), values.data(), 1));
  if (!connection_) return fail(errc::unavailable, "no memory");
  auto* const connection = connection_.get();
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK; state = PQconnectPoll(connection)) {
    if (state == PGRES_POLLING_FAILED || PQstatus(connection) == CONNECTION_BAD)
      return fail(errc::unavailable, PQerrorMessage(connection));
    if (const auto ready = wait(state == PGRES_POLLING_WRITING, deadline); !ready) {
      const auto error = ready.error();
      return fail(error == errc::not_ready ? errc::not_ready : errc::unavailable,
                  std::string(one_host).append(":").append(one_port).append(": ").append(error.message()));
    }
  }
  PQsetnonblocking(connection, 1);
  PQsetNoticeReceiver(connection, on_notice, &warning_);
  server_ = std::string(PQhost(connection)) + ":" + PQport(connection);
  return {};
}

// ---- statements

result<void> PostgresConnection::wait(bool writes, Clock::time_point deadline) {
  for (;;) {
    if (interrupted_) return errc::not_ready;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return errc::timed_out;
    const short events = writes ? POLLIN | POLLOUT : POLLIN;
    std::array<pollfd, 2> polled{{{PQsocket(connection_.get()), events, 0}, {wake_, POLLIN, 0}}};
    const int ready = ::poll(polled.data(), polled.size(), static_cast<int>(left.count()));
    if (ready > 0 && polled[0].revents != 0 && !interrupted_) return {};
  }
}

result<void> PostgresConnection::flush(Clock::time_point deadline) {
  for (;;) {
    const int left = PQflush(connection_.get());
    if (left == 0) return {};
    if (left < 0) return fail(errc::unavailable, PQerrorMessage(connection_.get()));
    if (const auto ready = wait(true, deadline); !ready)
      return fail(errc::timed_out, "the server takes nothing");
    if (PQconsumeInput(connection_.get()) == 0)
      return fail(errc::unavailable, PQerrorMessage(connection_.get()));
  }
}

// The last of the results.
result<PostgresRows> PostgresConnection::finish(bool is_sent, Clock::time_point deadline) {
  if (!is_sent) return fail(errc::unavailable, PQerrorMessage(connection_.get()));
  if (const auto flushed = flush(deadline); !flushed) return flushed.error();
  std::unique_ptr<pg_result, PostgresDeleter> last;
  std::string error;
  for (;;) {
    while (PQisBusy(connection_.get()) != 0) {
      if (const auto ready = wait(false, deadline); !ready)
        return fail(errc(ready.error().value()),
                    ready.error() == errc::timed_out ? server_ + " did not answer in time" : "interrupted");
      if (PQconsumeInput(connection_.get()) == 0)
        return fail(errc::unavailable, PQerrorMessage(connection_.get()));
    }
    std::unique_ptr<pg_result, PostgresDeleter> next(PQgetResult(connection_.get()));
    if (!next) break;
    const auto status = PQresultStatus(next.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      const char* const state = PQresultErrorField(next.get(), PG_DIAG_SQLSTATE);
      sqlstate_ = state == nullptr ? "" : state;
      error = one_line(PQresultErrorMessage(next.get()));
      if (error.empty()) error = "an unexpected answer";
    }
    last = std::move(next);
  }
  if (!error.empty()) return fail(errc::unavailable, error);
  if (!last) return fail(errc::unavailable, "no answer");
  if (!warning_.empty()) return fail(errc::unavailable, std::exchange(warning_, {}));
  return PostgresRows(std::move(last));
}

result<void> PostgresConnection::run_script(const char* text) {
  warning_.clear();
  sqlstate_.clear();
  const auto deadline = Clock::now() + options_.timeout;
  const auto outcome = finish(PQsendQuery(connection_.get(), text) != 0, deadline);
  if (!outcome) return outcome.error();
  return {};
}

result<PostgresRows> PostgresConnection::run(const PostgresStatement& statement,
                                             std::initializer_list<PostgresParameter> parameters) {
  if (!connection_) return fail(errc::unavailable, "not connected");
  warning_.clear();
  sqlstate_.clear();
  const auto deadline = Clock::now() + options_.timeout;
  if (std::ranges::find(prepared_, statement.name) == prepared_.end()) {
    const auto prepared =
        finish(PQsendPrepare(connection_.get(), statement.name, statement.text, 0, nullptr) != 0, deadline);
    if (!prepared) return prepared.error();
    prepared_.emplace_back(statement.name);
  }
  std::vector<const char*> values;
  std::vector<int> sizes, formats;
  for (const auto& each : parameters) {
    values.push_back(each.bytes.data());
    sizes.push_back(static_cast<int>(each.bytes.size()));
    formats.push_back(each.is_binary ? 1 : 0);
  }
  return finish(PQsendQueryPrepared(connection_.get(), statement.name, static_cast<int>(values.size()),
                                    values.data(), sizes.data(), formats.data(), 1) != 0,
                deadline);
}

void PostgresConnection::wait_for_notification(std::chrono::milliseconds limit) {
  if (!connection_) return;
  const auto deadline = Clock::now() + limit;
  for (;;) {
    if (PQconsumeInput(connection_.get()) == 0) return;  // the next statement reports it
    bool is_told = false;
    while (PGnotify* const told = PQnotifies(connection_.get())) {
      PQfreemem(told);
      is_told = true;
    }
    if (is_told || !wait(false, deadline)) return;
  }
}

}  // namespace revoked::engine
