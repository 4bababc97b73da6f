// revokectl import, revokectl bulk: many keys, one JSON object a line.

#include <algorithm>
#include <memory>

#include "tools/ctl/bulk_result.hpp"
#include "tools/ctl/commands.hpp"
#include "tools/ctl/enforcement.hpp"
#include "tools/ctl/input.hpp"
#include "tools/ctl/progress.hpp"

namespace revoked::ctl {

int print_bulk_result(const Session& session, const JsonValue& answer) {
  constexpr std::size_t most_failures = 10;
  if (session.is_json()) {
    Session::print_line(answer.json());
  } else {
    std::string line;
    for (const auto* const name : {"accepted", "created", "revoked", "already_revoked", "unknown"}) {
      const auto& count = answer[name].text();
      if (count.empty()) continue;
      std::string words = name;
      std::ranges::replace(words, '_', ' ');
      line.append(line.empty() ? "" : ", ").append(count).append(" ").append(words);
    }
    if (answer["dry_run"].is_true()) line.append(" (dry run: nothing was changed)");
    Session::print_line(line);
  }
  const auto& failed = answer["failed"].items();
  if (failed.empty()) return done;
  for (std::size_t i = 0; i < std::min(most_failures, failed.size()); ++i) {
    const auto& detail = failed[i]["detail"].text();
    Session::tell("line " + failed[i]["line"].text() + ": " + failed[i]["code"].text() +
                  (detail.empty() ? "" : ": " + detail));
  }
  Session::tell(answer["failed_count"].text() + " lines failed" +
                (failed.size() > most_failures ? "; -o json shows up to 1000" : ""));
  return refused;
}

namespace {

struct AskedBulk {
  std::string file;
  bool is_dry_run = false;
  Enforcement enforcement;
};

JsonValue send_file(Session& session, const std::string& what, const std::string& path,
                    const std::string& file) {
  Input input(file);
  Progress progress(what, "lines", input.size());
  const auto answer = session.client().upload(path, [&] {
    const auto piece = input.next_piece();
    const auto lines = std::ranges::count(piece, '\n');
    progress.add(piece.size(), static_cast<std::uint64_t>(lines));
    if (piece.empty()) progress.wait_for_answer();
    return piece;
  });
  return JsonValue::parse(answer.body);
}

CLI::Option* add_file(CLI::App& command, AskedBulk& asked) {
  return command.add_option("FILE", asked.file, "NDJSON; - is standard input")->required();
}

}  // namespace

void add_bulk_commands(CommandTree& tree) {
  auto& session = tree.session();
  auto imported = std::make_shared<AskedBulk>();
  auto& import = tree.add(
      "import", "Create keys from a file of JSON objects, one a line",
      {"import keys.ndjson", "zcat keys.ndjson.gz | revokectl import -"}, [imported, &session] {
        return print_bulk_result(session, send_file(session, "import", "/v1/keys/import", imported->file));
      });
  add_file(import, *imported);

  auto asked = std::make_shared<AskedBulk>();
  auto& bulk = tree.add(
      "bulk", R"(Revoke what a file names, one a line: {"key_id":…}, {"secret":…}, {"user":…})",
      {"bulk revocations.ndjson --dry-run", "bulk revocations.ndjson --wait 10"}, [asked, &session] {
        const auto* const query = asked->is_dry_run ? "?dry_run=true" : "";
        const auto answer =
            send_file(session, "revocation", std::string("/v1/revocations") + query, asked->file);
        const auto code = print_bulk_result(session, answer);
        const auto enforced =
            asked->is_dry_run ? int{done} : asked->enforcement.follow(session, answer["position"].text());
        return code == done ? enforced : code;
      });
  add_file(bulk, *asked);
  bulk.add_flag("--dry-run", asked->is_dry_run, "Change nothing, count what would be revoked");
  asked->enforcement.add_wait_option(bulk);
}

}  // namespace revoked::ctl
