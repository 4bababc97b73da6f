// Connecting to the journal in PostgreSQL: what the server must be like, and the tables. See
// postgres_log.hpp.

#include "engine/log/postgres_log.hpp"

namespace revoked::engine {
namespace {

constexpr std::uint64_t format_version = 2;
constexpr std::string_view insufficient_privilege = "42501";

constexpr const char* schema_text = R"(
CREATE SCHEMA IF NOT EXISTS revoked;
CREATE TABLE IF NOT EXISTS revoked.format (version bigint NOT NULL, secret text NOT NULL);
CREATE TABLE IF NOT EXISTS revoked.journal (
  first bigint PRIMARY KEY, last bigint NOT NULL, epoch bigint NOT NULL, chain bytea NOT NULL, body bytea NOT NULL);
DO $$ BEGIN
  ALTER TABLE revoked.journal ALTER body SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
  ALTER TABLE revoked.journal ALTER body SET STORAGE EXTERNAL;
END $$;
CREATE TABLE IF NOT EXISTS revoked.leader (
  id bigint PRIMARY KEY CHECK (id = 1), term bigint NOT NULL, holder text NOT NULL, url text NOT NULL,
  beat bigint NOT NULL, sequence bigint NOT NULL);
CREATE TABLE IF NOT EXISTS revoked.engines (
  holder text NOT NULL, url text PRIMARY KEY, role text NOT NULL, epoch bigint NOT NULL, sequence bigint NOT NULL,
  version text NOT NULL, seen timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS revoked.gateways (id bigint PRIMARY KEY CHECK (id = 1), list text NOT NULL);
INSERT INTO revoked.leader VALUES (1, 0, '', '', 0, 0) ON CONFLICT DO NOTHING;
INSERT INTO revoked.gateways VALUES (1, '') ON CONFLICT DO NOTHING;
INSERT INTO revoked.format SELECT 2, gen_random_uuid()::text || gen_random_uuid()::text WHERE NOT EXISTS (SELECT FROM revoked.format);
)";

}  // namespace

std::optional<PostgresLog::Durability> durability_of(std::string_view text) {
  if (text == "sync") return PostgresLog::Durability::sync;
  if (text == "managed") return PostgresLog::Durability::managed;
  if (text == "single") return PostgresLog::Durability::single;
  return {};
}

std::string_view PostgresLog::schema() { return schema_text; }

// Rows of the journal are never changed or deleted.
std::string PostgresLog::grants(std::string_view role) {
  std::string name = "\"";
  for (const char c : role) name.append(c == '"' ? 2 : 1, c);
  name += '"';
  std::string text;
  for (const std::string_view right :
       {"USAGE ON SCHEMA revoked", "SELECT ON revoked.format", "SELECT, INSERT ON revoked.journal",
        "SELECT, UPDATE ON revoked.leader", "SELECT, UPDATE ON revoked.gateways",
        "SELECT, INSERT, UPDATE, DELETE ON revoked.engines"})
    text.append("GRANT ").append(right).append(" TO ").append(name).append(";\n");
  return text;
}

result<void> PostgresLog::connect() {
  if (is_connected()) return {};
  if (const auto opened = connection_.open(); !opened) return opened;
  if (const auto checked = check_server(); !checked) return checked;
  auto prepared = create_tables();
  if (prepared) prepared = check_format();
  if (!prepared) {
    if (connection_.sqlstate() != insufficient_privilege) return prepared;
    return connection_.fail(errc::refused,
                            "the tables on " + server() + " are missing, or not for this role (" + failure() +
                                "): the owner of the database makes them with `revokectl journal schema`");
  }
  listens_ = false;
  return {};
}

result<void> PostgresLog::connect_to_server_of(const PostgresLog& other) {
  if (server() != other.server()) connection_.close();
  connection_.begin_at_server_of(other.connection_);
  if (const auto connected = connect(); !connected) return connected;
  if (server() == other.server()) return {};
  return connection_.fail(errc::unavailable, other.server() + " cannot be reached any more");
}

result<void> PostgresLog::check_server() {
  static const auto text =
      std::string("SELECT current_setting('server_version_num')::bigint, pg_is_in_recovery(), ")
          .append(settings);
  static const PostgresStatement statement{"settings", text.c_str()};
  if (const auto set = connection_.run_script(
          "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
          "SET default_transaction_isolation = 'read committed'");
      !set)
    return set;
  const auto outcome = connection_.run(statement);
  if (!outcome) return outcome.error();
  const auto& rows = *outcome;
  if (rows.integer(0, 0) < 140'000)
    return connection_.fail(errc::refused, server() + " is older than PostgreSQL 14");
  if (rows.integer(0, 1) != 0) return connection_.fail(errc::unavailable, server() + " is a standby");
  return check_settings(rows, 2);
}

result<void> PostgresLog::check_settings(const PostgresRows& rows, int column) {
  const auto fsync = rows.bytes(0, column), commit = rows.bytes(0, column + 1),
             standbys = rows.bytes(0, column + 2);
  const bool waits = commit == "on" || commit == "remote_apply";
  if (fsync != "on") return connection_.fail(errc::refused, server() + " has fsync off");
  if (!waits && !(durability_ == Durability::single && commit != "off"))
    return connection_.fail(errc::refused, server() + " has synchronous_commit " + std::string(commit) +
                                               ", not on or remote_apply");
  if (durability_ == Durability::sync && standbys.empty())
    return connection_.fail(errc::refused,
                            server() +
                                " has no synchronous standby (synchronous_standby_names is empty); "
                                "--journal-durability single or managed accepts that");
  return {};
}

result<void> PostgresLog::create_tables() {
  static constexpr PostgresStatement exists{
      "exists", "SELECT (to_regclass('revoked.format') IS NOT NULL)::int::bigint"};
  const auto found = connection_.run(exists);
  if (!found) return found.error();
  if (found->integer(0, 0) != 0) return {};
  // Several engines may do so at once.
  return connection_.run_script(
      (std::string("BEGIN; SELECT pg_advisory_xact_lock(8420711);") + schema_text + "COMMIT;").c_str());
}

result<void> PostgresLog::check_format() {
  static constexpr PostgresStatement format{"format",
                                            "SELECT max(version), max(secret), (SELECT holder FROM "
                                            "revoked.leader WHERE id = 1) FROM revoked.format"};
  const auto written = connection_.run(format);
  if (!written) return written.error();
  secret_ = written->bytes(0, 1);
  if (const auto number = written->integer(0, 0); number != format_version)
    return connection_.fail(errc::storage_of_other_format,
                            "the tables on " + server() + " have format " + std::to_string(number) +
                                ", but this program reads " + std::to_string(format_version));
  if (!moves_ && written->bytes(0, 2) == moving)
    return connection_.fail(errc::refused, "a journal is being moved to " + server() +
                                               ": wait, or repeat `revokectl journal move` if it has ended");
  return {};
}

}  // namespace revoked::engine
