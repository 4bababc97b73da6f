// revokectl leaks: which secrets of a scanner's report are ours, and the end of their keys. Only digests
// leave this machine, so a report's other secrets are shown to nobody.

#include <algorithm>
#include <map>
#include <memory>

#include "tools/ctl/bulk_result.hpp"
#include "tools/ctl/commands.hpp"
#include "tools/ctl/enforcement.hpp"
#include "tools/ctl/input.hpp"
#include "tools/ctl/json_object.hpp"
#include "tools/ctl/leak_report.hpp"
#include "tools/ctl/progress.hpp"
#include "tools/programs/program.hpp"

namespace revoked::ctl {
namespace {

struct AskedLeaks {
  std::string file;
  std::string reason = "leaked";
  bool is_dry_run = false;
  Enforcement enforcement;
};

// A key of which a secret is in the report.
struct LeakedKey {
  std::string state;  // revoked, or empty: it would be revoked
  std::vector<const Leak*> leaks;
};
using LeakedKeys = std::map<std::string, LeakedKey>;

// Each digest once, with the leaks that may be it.
using Candidates = std::map<engine::Digest, std::vector<const Leak*>>;

Candidates candidates_of(const LeakReport& report) {
  Candidates candidates;
  for (const auto& leak : report.leaks) {
    for (const auto& digest : digests_of(leak)) candidates[digest].push_back(&leak);
  }
  return candidates;
}

// By a dry run of their revocation, which needs no other permission than the revocation.
LeakedKeys find_ours(Session& session, const Candidates& candidates) {
  constexpr std::size_t most = 1000;  // in one request
  LeakedKeys keys;
  Progress progress("looking", "secrets", 0);
  for (auto next = candidates.begin(); next != candidates.end();) {
    const auto first = next;
    std::vector<std::string> digests;
    for (; next != candidates.end() && digests.size() < most; ++next)
      digests.push_back(engine::to_hex(next->first));
    const auto body = JsonObject().add("secrets_sha256", digests).finish();
    const auto answer = session.change("POST", "/v1/keys/revoke?dry_run=true", body);
    const auto& results = answer["results"].items();
    if (results.size() != digests.size()) throw std::runtime_error("the engine's answer has not all results");
    auto candidate = first;
    for (const auto& result : results) {
      const auto& leaks = (candidate++)->second;
      const auto& key_id = result["key_id"].text();
      if (key_id.empty()) continue;
      auto& key = keys[key_id];
      key.state = result["state"].text();
      key.leaks.insert(key.leaks.end(), leaks.begin(), leaks.end());
    }
    progress.add(0, digests.size());
  }
  return keys;
}

std::string places_of(const LeakedKey& key) {
  const auto& first = *key.leaks.front();
  auto text = first.place.empty() ? "entry " + std::to_string(first.number) : first.place;
  if (key.leaks.size() > 1) text.append(" and ").append(std::to_string(key.leaks.size() - 1)).append(" more");
  return text;
}

void print_found(const Session& session, const LeakedKeys& keys) {
  Table table({"KEY ID", "STATE", "FOUND AT", "RULE"});
  for (const auto& [key_id, key] : keys) {
    const auto& state = key.state.empty() ? "would be revoked" : key.state;
    if (!session.is_json()) {
      table.add({key_id, state, places_of(key), key.leaks.front()->rule});
      continue;
    }
    for (const auto* const leak : key.leaks) {
      Session::print_line(JsonObject()
                              .add("key_id", key_id)
                              .add("state", key.state.empty() ? "active" : key.state)
                              .add_optional("place", leak->place)
                              .add_optional("rule", leak->rule)
                              .add_raw("entry", std::to_string(leak->number))
                              .finish());
    }
  }
  Session::print(table);
}

std::string lines_to_revoke(const LeakedKeys& keys, const std::string& reason) {
  std::string lines;
  for (const auto& [key_id, key] : keys)
    lines.append(JsonObject().add("key_id", key_id).add_optional("reason", reason).finish()).append("\n");
  return lines;
}

LeakReport read_report(const std::string& file) {
  const auto text = Input(file).rest();
  try {
    return parse_leak_report(text);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(file + ": " + error.what());
  }
}

int handle_leaks(Session& session, const AskedLeaks& asked) {
  const auto report = read_report(asked.file);
  const auto candidates = candidates_of(report);
  const auto keys = find_ours(session, candidates);
  print_found(session, keys);
  const auto live = std::ranges::count_if(keys, [](const auto& key) { return key.second.state.empty(); });
  auto summary = asked.file + " (" + std::string(to_string(report.form)) +
                 "): " + std::to_string(report.leaks.size()) + " secrets, " + std::to_string(keys.size()) +
                 " keys of ours, " + std::to_string(live) + " not yet revoked";
  if (report.skipped != 0)
    summary.append("; ").append(std::to_string(report.skipped)).append(" entries have no secret");
  Session::tell(summary);
  if (asked.is_dry_run || keys.empty()) return done;

  const auto lines = lines_to_revoke(keys, asked.reason);
  std::string_view rest = lines;
  const auto answer = JsonValue::parse(
      session.client().upload("/v1/revocations", [&] { return std::exchange(rest, {}); }).body);
  const auto code = print_bulk_result(session, answer);
  const auto enforced = asked.enforcement.follow(session, answer["position"].text());
  return code == done ? enforced : code;
}

}  // namespace

void add_leaks_command(CommandTree& tree) {
  auto asked = std::make_shared<AskedLeaks>();
  auto& session = tree.session();
  auto& command = tree.add("leaks", "Find the keys whose secrets a scanner has reported, and revoke them",
                           {"leaks gitleaks.json --dry-run", "leaks gitleaks.json --wait 5",
                            "trufflehog git file://. --json | revokectl leaks -"},
                           [asked, &session] { return handle_leaks(session, *asked); });
  command
      .add_option("FILE", asked->file,
                  "A report of gitleaks, trufflehog or GitHub (JSON, NDJSON, CSV), or secrets, one a line; - "
                  "is standard input")
      ->required();
  command.add_flag("--dry-run", asked->is_dry_run, "Revoke nothing, show which keys are ours");
  command.add_option("--reason", asked->reason, "Why, for the audit trail")->capture_default_str();
  asked->enforcement.add_wait_option(command);
}

}  // namespace revoked::ctl
