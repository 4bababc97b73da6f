// revokectl journal: the journal that several engines share in PostgreSQL (docs/cluster.md).

#include <chrono>
#include <filesystem>
#include <memory>

#include "engine/log/journal_move.hpp"
#include "tools/ctl/commands.hpp"
#include "tools/ctl/json_object.hpp"
#include "tools/ctl/progress.hpp"
#include "tools/programs/program.hpp"

namespace revoked::ctl {
namespace {

using engine::errc;
using engine::PostgresLog;
using tools::ConfigurationError;

void print_schema(const std::string& role) {
  Session::print(
      "-- The tables of a journal that several engines of revoked share. By the owner of the database:\n"
      "--   revokectl journal schema --role NAME | psql -v ON_ERROR_STOP=1 "
      "'postgresql://OWNER@HOST/DATABASE'\n"
      "BEGIN;");
  Session::print(PostgresLog::schema());
  Session::print("\n-- What the role that the engines connect as may do: it owns nothing.\n" +
                 PostgresLog::grants(role) + "COMMIT;\n");
}

struct MoveOrder {
  std::string data_dir;
  std::string journal;
  std::string durability = "sync";
};

std::unique_ptr<engine::LocalLog> open_log(const std::string& data_dir) {
  const auto directory = data_dir + "/log";
  std::error_code failed;
  if (!std::filesystem::exists(directory, failed))
    throw ConfigurationError("--data-dir: " + data_dir + " has no journal");
  std::string detail;
  auto log = engine::LocalLog::open(directory, detail);
  if (log) return std::move(*log);
  if (log.error() == errc::storage_in_use)
    throw ConfigurationError("--data-dir: an engine runs on " + data_dir + ": stop it");
  throw std::runtime_error(log.error().message() + " (" + detail + ")");
}

std::string text_of(const MoveOrder& order, const engine::JournalMove& moved, double seconds) {
  const auto a_second = [seconds](std::uint64_t number) {
    return short_number(static_cast<double>(number) / seconds);
  };
  auto text = "Moved " + std::to_string(moved.rows) + " rows, " +
              short_number(static_cast<double>(moved.bytes)) + "B, " + a_second(moved.rows) + " rows/s, " +
              a_second(moved.bytes) + "B/s: the shared journal has everything up to position " +
              to_string(moved.last) + ".\n";
  if (moved.rows_before != 0) text += std::to_string(moved.rows_before) + " rows had been moved before.\n";
  text += "Next: start each engine with the same --journal and --master-key-file, on " + order.data_dir +
          " (it is a copy now) or an empty directory, and with the same --pepper-file if there is one.\n";
  std::error_code failed;
  const auto master_key = order.data_dir + "/master.key";
  if (std::filesystem::exists(master_key, failed))
    text += master_key + " is the master key so far: copy it to every engine for --master-key-file.\n";
  return text;
}

int move(const Session& session, const MoveOrder& order) {
  const auto log = open_log(order.data_dir);
  if (log->last() == 0)
    throw ConfigurationError("--data-dir: the journal in " + order.data_dir + " is empty");
  PostgresLog::Options options;
  options.url = order.journal;
  options.durability = *engine::durability_of(order.durability);
  options.timeout = std::chrono::seconds(60);
  options.application = "revokectl";
  options.moves = true;
  PostgresLog to(options);
  const auto began = std::chrono::steady_clock::now();
  std::string detail;
  const auto moved = [&] {
    Progress progress("move", "rows", log->last());
    engine::JournalMove before;
    const auto listener = [&](const engine::JournalMove& so_far) {
      progress.add(so_far.last.sequence - before.last.sequence, so_far.rows - before.rows);
      before = so_far;
    };
    return engine::move_journal(*log, to, listener, detail);
  }();
  if (!moved && moved.error() == errc::refused) throw ConfigurationError("--journal: " + detail);
  if (!moved) throw std::runtime_error(detail + ". Nothing is lost: repeat the command, and it goes on");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  if (session.is_json())
    Session::print_line(JsonObject()
                            .add("data_dir", order.data_dir)
                            .add("position", to_string(moved->last))
                            .add_raw("rows", std::to_string(moved->rows))
                            .add_raw("rows_before", std::to_string(moved->rows_before))
                            .add_raw("bytes", std::to_string(moved->bytes))
                            .finish());
  else
    Session::print(text_of(order, *moved, took.count()));
  return done;
}

void add_schema(CLI::App& journal, CommandTree& tree) {
  auto role = std::make_shared<std::string>("revoked");
  tree.add(journal, "schema", "Print the SQL of its tables and rights, for those who make them by hand",
           {"journal schema | psql -v ON_ERROR_STOP=1 postgresql://postgres@db1/revoked"},
           [role] {
             print_schema(*role);
             return int{done};
           })
      .add_option("--role", *role, "Whom the engines connect as; it must exist")
      ->capture_default_str()
      ->type_name("NAME");
}

void add_move(CLI::App& journal, CommandTree& tree) {
  auto order = std::make_shared<MoveOrder>();
  auto& session = tree.session();
  auto& command =
      tree.add(journal, "move", "Move the journal of a stopped engine into an empty one in PostgreSQL",
               {"journal move --data-dir /var/lib/revoked --journal postgresql://revoked@db1,db2/revoked"},
               [order, &session] { return move(session, *order); });
  command.add_option("--data-dir", order->data_dir, "Of the engine; it stays, as a copy")
      ->required()
      ->type_name("DIR");
  command.add_option("--journal", order->journal, "The URL that the engines will be given")
      ->required()
      ->envname("REVOKED_JOURNAL")
      ->type_name("URL");
  command
      .add_option("--journal-durability", order->durability,
                  "sync: refuses a server without synchronous standbys; managed: the service keeps copies; "
                  "single: one server")
      ->envname("REVOKED_JOURNAL_DURABILITY")
      ->capture_default_str()
      ->check(CLI::IsMember({"sync", "managed", "single"}));
}

}  // namespace

void add_journal_commands(CommandTree& tree) {
  auto& journal = tree.add_group("journal", "The journal that several engines share in PostgreSQL");
  add_schema(journal, tree);
  add_move(journal, tree);
}

}  // namespace revoked::ctl
