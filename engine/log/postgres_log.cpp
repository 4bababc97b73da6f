#include "engine/log/postgres_log.hpp"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace revoked::engine {
namespace {

constexpr std::uint64_t format_version = 1;
constexpr std::string_view unique_violation = "23505";
constexpr const char* channel = "revoked_journal";
constexpr std::chrono::seconds time_per_host{2};

constexpr const char* schema_text = R"(
CREATE SCHEMA IF NOT EXISTS revoked;
CREATE TABLE IF NOT EXISTS revoked.format (version bigint NOT NULL, secret text NOT NULL);
CREATE TABLE IF NOT EXISTS revoked.journal (
  first bigint PRIMARY KEY, last bigint NOT NULL, epoch bigint NOT NULL, chain bytea NOT NULL, body bytea NOT NULL);
ALTER TABLE revoked.journal ALTER body SET STORAGE EXTERNAL;
CREATE TABLE IF NOT EXISTS revoked.leader (
  id bigint PRIMARY KEY CHECK (id = 1), term bigint NOT NULL, holder text NOT NULL, url text NOT NULL,
  beat bigint NOT NULL, sequence bigint NOT NULL);
CREATE TABLE IF NOT EXISTS revoked.engines (
  holder text NOT NULL, url text PRIMARY KEY, role text NOT NULL, epoch bigint NOT NULL, sequence bigint NOT NULL,
  version text NOT NULL, seen timestamptz NOT NULL);
INSERT INTO revoked.leader VALUES (1, 0, '', '', 0, 0) ON CONFLICT DO NOTHING;
INSERT INTO revoked.format SELECT 1, gen_random_uuid()::text || gen_random_uuid()::text WHERE NOT EXISTS (SELECT FROM revoked.format);
)";

// Integers of results are big endian.
std::uint64_t integer(const PGresult* rows, int row, int column) {
  std::uint64_t value = 0;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(PQgetvalue(rows, row, column));
  for (int i = 0; i < PQgetlength(rows, row, column); ++i) value = value << 8 | bytes[i];
  return value;
}
std::string_view bytes_of(const PGresult* rows, int row, int column) {
  return {PQgetvalue(rows, row, column), static_cast<std::size_t>(PQgetlength(rows, row, column))};
}
BlockSum chain_of(const PGresult* rows, int row, int column) {
  BlockSum chain{};
  const auto bytes = bytes_of(rows, row, column);
  std::memcpy(chain.data(), bytes.data(), std::min(bytes.size(), chain.size()));
  return chain;
}
std::string_view bytes_of(const BlockSum& chain) {
  return {reinterpret_cast<const char*>(chain.data()), chain.size()};
}
PostgresLog::Tail tail_of(const PGresult* rows, int row) {
  return {integer(rows, row, 0), integer(rows, row, 1), chain_of(rows, row, 2)};
}

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

void PostgresLog::Deleter::operator()(pg_conn* connection) const { PQfinish(connection); }
void PostgresLog::Deleter::operator()(pg_result* outcome) const { PQclear(outcome); }

PostgresLog::Tail tail_after(const PostgresLog::Tail& before, const BatchView& batch) {
  std::array<char, sizeof(BlockSum) + sizeof(XXH128_hash_t)> both;
  const auto body = XXH3_128bits(batch.bytes().data(), batch.bytes().size());
  std::memcpy(both.data(), before.chain.data(), before.chain.size());
  std::memcpy(both.data() + before.chain.size(), &body, sizeof body);
  PostgresLog::Tail tail{batch.last(), batch.epoch(), {}};
  const auto sum = XXH3_128bits(both.data(), both.size());
  std::memcpy(tail.chain.data(), &sum, tail.chain.size());
  return tail;
}

PostgresLog::PostgresLog(Options options)
    : options_(std::move(options)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

PostgresLog::~PostgresLog() {
  close();
  ::close(wake_);
}

std::string_view PostgresLog::schema() { return schema_text; }

void PostgresLog::close() {
  connection_.reset();
  prepared_.clear();
}

void PostgresLog::interrupt() {
  interrupted_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

errc PostgresLog::fail(errc code, std::string_view why) {
  failure_ = one_line(why);
  close();
  return code;
}

// ---- connecting

result<void> PostgresLog::connect() {
  if (is_connected()) return {};
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
  for (std::size_t i = 0; i < hosts.size() && !opened; ++i) {
    opened = open(hosts[i], ports[ports.size() == 1 ? 0 : std::min(i, ports.size() - 1)],
                  Clock::now() + std::min<std::chrono::nanoseconds>(time_per_host, options_.timeout));
    if (opened.has_error() && opened.error() == errc::not_ready) return opened;
    if (!opened) failures += (failures.empty() ? "" : "; ") + failure_;
  }
  if (!opened) return fail(errc::unavailable, failures);
  if (const auto checked = check_server(); !checked) return checked;
  if (const auto created = create_tables(); !created) return created;
  return run_script("LISTEN revoked_journal");
}

result<void> PostgresLog::open(std::string_view host, std::string_view port, Clock::time_point deadline) {
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
                  one_host + ":" + one_port + ": " + error.message());
    }
  }
  PQsetnonblocking(connection, 1);
  PQsetNoticeReceiver(connection, on_notice, &warning_);
  server_ = std::string(PQhost(connection)) + ":" + PQport(connection);
  return {};
}

result<void> PostgresLog::check_server() {
  static constexpr Statement settings{
      "settings",
      "SELECT current_setting('server_version_num')::bigint, pg_is_in_recovery(), current_setting('fsync'), "
      "current_setting('synchronous_commit'), current_setting('synchronous_standby_names')"};
  if (const auto set = run_script(
          "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
          "SET default_transaction_isolation = 'read committed'");
      !set)
    return set;
  const auto outcome = run(settings);
  if (!outcome) return outcome.error();
  const auto* const rows = outcome->get();
  if (integer(rows, 0, 0) < 140'000) return fail(errc::refused, server_ + " is older than PostgreSQL 14");
  if (integer(rows, 0, 1) != 0) return fail(errc::unavailable, server_ + " is a standby");
  const auto commit = bytes_of(rows, 0, 3);
  const bool waits = commit == "on" || commit == "remote_apply";
  if (bytes_of(rows, 0, 2) != "on") return fail(errc::refused, server_ + " has fsync off");
  if (!waits && !(options_.durability == Durability::single && commit != "off"))
    return fail(errc::refused,
                server_ + " has synchronous_commit " + std::string(commit) + ", not on or remote_apply");
  if (options_.durability == Durability::sync && bytes_of(rows, 0, 4).empty())
    return fail(errc::refused, server_ +
                                   " has no synchronous standby (synchronous_standby_names is empty); "
                                   "--journal-durability single or managed accepts that");
  return {};
}

result<void> PostgresLog::create_tables() {
  static constexpr Statement exists{"exists",
                                    "SELECT (to_regclass('revoked.format') IS NOT NULL)::int::bigint"};
  static constexpr Statement version{"version", "SELECT max(version), max(secret) FROM revoked.format"};
  const auto found = run(exists);
  if (!found) return found.error();
  if (integer(found->get(), 0, 0) == 0) {
    // Several engines may do so at once.
    const auto created = run_script(
        (std::string("BEGIN; SELECT pg_advisory_xact_lock(8420711);") + schema_text + "COMMIT;").c_str());
    if (!created) return created;
  }
  const auto written = run(version);
  if (!written) return written.error();
  secret_ = bytes_of(written->get(), 0, 1);
  if (const auto number = integer(written->get(), 0, 0); number != format_version)
    return fail(errc::storage_of_other_format, "the tables on " + server_ + " have format " +
                                                   std::to_string(number) + ", but this program reads " +
                                                   std::to_string(format_version));
  return {};
}

// ---- statements

result<void> PostgresLog::wait(bool writes, Clock::time_point deadline) {
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

result<void> PostgresLog::flush(Clock::time_point deadline) {
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
result<PostgresLog::Outcome> PostgresLog::finish(bool is_sent, Clock::time_point deadline) {
  if (!is_sent) return fail(errc::unavailable, PQerrorMessage(connection_.get()));
  if (const auto flushed = flush(deadline); !flushed) return flushed.error();
  Outcome last;
  std::string error;
  for (;;) {
    while (PQisBusy(connection_.get()) != 0) {
      if (const auto ready = wait(false, deadline); !ready)
        return fail(errc(ready.error().value()),
                    ready.error() == errc::timed_out ? server_ + " did not answer in time" : "interrupted");
      if (PQconsumeInput(connection_.get()) == 0)
        return fail(errc::unavailable, PQerrorMessage(connection_.get()));
    }
    Outcome next(PQgetResult(connection_.get()));
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
  return last;
}

result<void> PostgresLog::run_script(const char* text) {
  warning_.clear();
  const auto deadline = Clock::now() + options_.timeout;
  const auto outcome = finish(PQsendQuery(connection_.get(), text) != 0, deadline);
  if (!outcome) return outcome.error();
  return {};
}

result<PostgresLog::Outcome> PostgresLog::run(const Statement& statement,
                                              std::initializer_list<Parameter> parameters) {
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

// ---- the journal

result<PostgresLog::Tail> PostgresLog::append(const BatchView& batch, const Tail& before) {
  static constexpr Statement statement{
      "append",
      "WITH row AS (INSERT INTO revoked.journal (first, last, epoch, chain, body) "
      "SELECT $1::bigint, $2::bigint, $3::bigint, $4::bytea, $5::bytea WHERE coalesce((SELECT (last, epoch, "
      "chain) = ($6::bigint, "
      "$7::bigint, $8::bytea) FROM revoked.journal ORDER BY first DESC LIMIT 1), $6::bigint = 0) RETURNING "
      "first) "
      "SELECT first, pg_notify('revoked_journal', '') FROM row"};
  const auto tail = tail_after(before, batch);
  const auto first = std::to_string(batch.first()), last = std::to_string(batch.last()),
             epoch = std::to_string(batch.epoch());
  const auto before_last = std::to_string(before.last), before_epoch = std::to_string(before.epoch);
  const auto outcome = run(statement, {{first},
                                       {last},
                                       {epoch},
                                       {bytes_of(tail.chain), true},
                                       {batch.bytes(), true},
                                       {before_last},
                                       {before_epoch},
                                       {bytes_of(before.chain), true}});
  if (!outcome) return sqlstate_ == unique_violation ? errc::position_gone : errc(outcome.error().value());
  if (PQntuples(outcome->get()) != 1) {
    failure_ = "another engine has appended";
    return errc::position_gone;
  }
  return tail;
}

result<PostgresLog::Tail> PostgresLog::tail() {
  static constexpr Statement statement{
      "tail", "SELECT last, epoch, chain FROM revoked.journal ORDER BY first DESC LIMIT 1"};
  const auto outcome = run(statement);
  if (!outcome) return outcome.error();
  return PQntuples(outcome->get()) == 0 ? Tail{} : tail_of(outcome->get(), 0);
}

result<std::optional<PostgresLog::Row>> PostgresLog::row_at(Sequence last) {
  static constexpr Statement statement{
      "row_at",
      "SELECT last, epoch, chain, body FROM revoked.journal WHERE last = $1::bigint AND first <= $1::bigint "
      "ORDER BY first DESC LIMIT 1"};
  const auto number = std::to_string(last);
  const auto outcome = run(statement, {{number}});
  if (!outcome) return outcome.error();
  if (PQntuples(outcome->get()) == 0) return std::optional<Row>();
  return std::optional<Row>({tail_of(outcome->get(), 0), std::string(bytes_of(outcome->get(), 0, 3))});
}

result<std::vector<PostgresLog::Row>> PostgresLog::rows_after(const Tail& after, std::size_t limit) {
  static constexpr Statement statement{"rows_after",
                                       "SELECT last, epoch, chain, body FROM revoked.journal WHERE first > "
                                       "$1::bigint ORDER BY first LIMIT $2::bigint"};
  const auto from = std::to_string(after.last), most = std::to_string(limit);
  const auto outcome = run(statement, {{from}, {most}});
  if (!outcome) return outcome.error();
  std::vector<Row> rows;
  auto before = after;
  for (int i = 0; i < PQntuples(outcome->get()); ++i) {
    auto& row = rows.emplace_back(tail_of(outcome->get(), i), std::string(bytes_of(outcome->get(), i, 3)));
    BatchView batch;
    if (!BatchView::parse(row.body, batch) || batch.first() != before.last + 1 ||
        tail_after(before, batch) != row.end) {
      failure_ = "the row after " + std::to_string(before.last) + " does not continue what was read before";
      return errc::storage_corrupt;
    }
    before = row.end;
  }
  return rows;
}

void PostgresLog::wait_for_append(std::chrono::milliseconds limit) {
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

// ---- who leads, and who is there

result<PostgresLog::Leader> PostgresLog::leader() {
  static constexpr Statement statement{
      "leader", "SELECT term, holder, url, beat, sequence FROM revoked.leader WHERE id = 1"};
  const auto outcome = run(statement);
  if (!outcome) return outcome.error();
  const auto* const rows = outcome->get();
  if (PQntuples(rows) != 1) return fail(errc::refused, "revoked.leader has no row");
  return Leader{integer(rows, 0, 0), std::string(bytes_of(rows, 0, 1)), std::string(bytes_of(rows, 0, 2)),
                integer(rows, 0, 3), integer(rows, 0, 4)};
}

result<bool> PostgresLog::replace_leader(const Leader& seen, const Leader& next, Epoch epoch) {
  static constexpr Statement statement{
      "replace_leader",
      "UPDATE revoked.leader SET term = $1::bigint, holder = $2, url = $3, beat = $4::bigint, sequence = "
      "$5::bigint "
      "WHERE id = 1 AND term = $6::bigint AND holder = $7 AND beat = $8::bigint AND ($9::bigint = 0 OR "
      "$9::bigint = (SELECT journal.epoch FROM revoked.journal ORDER BY first DESC LIMIT 1)) RETURNING id"};
  const auto term = std::to_string(next.term), beat = std::to_string(next.beat),
             sequence = std::to_string(next.sequence);
  const auto of = std::to_string(epoch);
  const auto seen_term = std::to_string(seen.term), seen_beat = std::to_string(seen.beat);
  const auto outcome = run(
      statement,
      {{term}, {next.holder}, {next.url}, {beat}, {sequence}, {seen_term}, {seen.holder}, {seen_beat}, {of}});
  if (!outcome) return errc(outcome.error().value());
  return PQntuples(outcome->get()) == 1;
}

result<void> PostgresLog::show_engine(const Engine& engine) {
  static constexpr Statement statement{
      "show_engine",
      "INSERT INTO revoked.engines VALUES ($1, $2, $3, $4::bigint, "
      "$5::bigint, $6, now()) ON CONFLICT (url) DO UPDATE SET "
      "holder = excluded.holder, role = excluded.role, epoch = excluded.epoch, "
      "sequence = excluded.sequence, version = excluded.version, "
      "seen = excluded.seen"};
  static constexpr Statement forget{"forget_engines",
                                    "DELETE FROM revoked.engines WHERE seen < now() - interval '1 day'"};
  const auto epoch = std::to_string(engine.position.epoch),
             sequence = std::to_string(engine.position.sequence);
  const auto shown =
      run(statement, {{engine.holder}, {engine.url}, {engine.role}, {epoch}, {sequence}, {engine.version}});
  if (!shown) return shown.error();
  const auto forgotten = run(forget);
  if (!forgotten) return forgotten.error();
  return {};
}

result<std::vector<PostgresLog::Engine>> PostgresLog::engines() {
  static constexpr Statement statement{"engines",
                                       "SELECT holder, url, role, epoch, sequence, version, (extract(epoch "
                                       "FROM clock_timestamp() - seen) * 1000)::bigint "
                                       "FROM revoked.engines ORDER BY url, holder"};
  const auto outcome = run(statement);
  if (!outcome) return outcome.error();
  const auto* const rows = outcome->get();
  std::vector<Engine> engines;
  for (int i = 0; i < PQntuples(rows); ++i)
    engines.push_back({std::string(bytes_of(rows, i, 0)), std::string(bytes_of(rows, i, 1)),
                       std::string(bytes_of(rows, i, 2)), Position{integer(rows, i, 3), integer(rows, i, 4)},
                       std::string(bytes_of(rows, i, 5)),
                       std::chrono::milliseconds(static_cast<std::int64_t>(integer(rows, i, 6)))});
  return engines;
}

}  // namespace revoked::engine
