// revokectl key revoke, revokectl revoke: what ends keys for good.

#include <algorithm>
#include <memory>

#include "tools/ctl/commands.hpp"
#include "tools/ctl/enforcement.hpp"
#include "tools/ctl/input.hpp"
#include "tools/ctl/json_object.hpp"
#include "tools/programs/program.hpp"

namespace revoked::ctl {
namespace {

using tools::ConfigurationError;

// Of all that revoke.
struct Asked {
  std::string reason;
  bool is_dry_run = false;
  Enforcement enforcement;

  void add_to(CLI::App& command) {
    command.add_option("--reason", reason, "Why, for the audit trail");
    command.add_flag("--dry-run", is_dry_run, "Change nothing, show what would happen");
    enforcement.add_wait_option(command);
  }
  std::string query() const { return is_dry_run ? "?dry_run=true" : ""; }
  std::string body() const {
    JsonObject body;
    return body.add_optional("reason", reason).finish();
  }
  int follow(Session& session, const std::string& position) const {
    return is_dry_run ? int{done} : enforcement.follow(session, position);
  }
};

Table table_of_keys() { return Table({"KEY ID", "STATE", "REVOKED AT (UTC)", "REASON", "POSITION"}); }

void add_result_row(Table& table, const JsonValue& result) {
  const auto& state = result["state"].text();
  table.add({result["key_id"].text(), state.empty() ? "would be revoked" : state,
             shown_time(result["revoked_at"].text()), result["reason"].text(), result["position"].text()});
}

struct KeysToRevoke {
  std::vector<std::string> key_ids;
  Asked asked;
};

int revoke_keys(Session& session, const KeysToRevoke& keys) {
  const auto& asked = keys.asked;
  auto table = table_of_keys();
  std::string position;
  bool has_failed = false;
  for (const auto& key_id : keys.key_ids) {
    try {
      const auto path = "/v1/keys/" + percent_encoded(key_id) + asked.query();
      const auto result = session.change("DELETE", path, asked.is_dry_run ? "" : asked.body());
      if (session.is_json())
        Session::print_line(result.json());
      else
        add_result_row(table, result);
      position = later_position(position, result["position"].text());
    } catch (const Refused& error) {
      if (keys.key_ids.size() == 1 || error.status() != 404) throw;
      Session::tell(key_id + ": " + error.what());
      has_failed = true;
    }
  }
  Session::print(table);
  const auto enforced = asked.follow(session, position);
  return has_failed ? int{refused} : enforced;
}

struct Targets {
  std::string user, application, workspace, secret_file;
  Asked asked;
};

int revoke_owner(Session& session, const Asked& asked, const std::string& scope, const std::string& id) {
  const auto path = "/v1/" + scope + "s/" + percent_encoded(id) + "/keys" + asked.query();
  const auto result = session.change("DELETE", path, asked.is_dry_run ? "" : asked.body());
  if (session.is_json()) {
    Session::print_line(result.json());
  } else {
    const auto& count = result["revoked"].text();
    Session::print_line((asked.is_dry_run ? "Would revoke " : "Revoked ") + count +
                        (count == "1" ? " key" : " keys") + " of the " + scope + " " + shown_text(id) +
                        (asked.is_dry_run ? "." : " at position " + result["position"].text() + "."));
  }
  return asked.follow(session, result["position"].text());
}

int revoke_secrets(Session& session, const Targets& targets) {
  const auto& asked = targets.asked;
  const auto secrets = read_secrets(targets.secret_file);
  JsonObject body;
  body.add("secrets", secrets);
  if (!asked.is_dry_run) body.add_optional("reason", asked.reason);
  const auto answer = session.change("POST", "/v1/keys/revoke" + asked.query(), body.finish());
  auto table = table_of_keys();
  std::size_t unknown = 0;
  for (const auto& result : answer["results"].items()) {
    add_result_row(table, result);
    if (result["state"].text() == "unknown") ++unknown;
  }
  if (session.is_json())
    Session::print_line(answer.json());
  else
    Session::print(table);
  if (unknown != 0)
    Session::tell(std::to_string(unknown) + " of " + std::to_string(secrets.size()) +
                  " secrets are not of this engine, or out of the key's reach");
  const auto enforced =
      unknown < secrets.size() ? asked.follow(session, answer["position"].text()) : int{done};
  return unknown != 0 ? int{refused} : enforced;
}

int revoke(Session& session, const Targets& targets) {
  const std::pair<std::string, const std::string&> owners[] = {
      {"user", targets.user}, {"application", targets.application}, {"workspace", targets.workspace}};
  const auto is_given = [](const auto& owner) { return !owner.second.empty(); };
  const auto given = std::ranges::count_if(owners, is_given) + (targets.secret_file.empty() ? 0 : 1);
  if (given != 1)
    throw ConfigurationError("revoke: give one of --user, --application, --workspace and --secret-file");
  if (!targets.secret_file.empty()) return revoke_secrets(session, targets);
  const auto& [scope, id] = *std::ranges::find_if(owners, is_given);
  return revoke_owner(session, targets.asked, scope, id);
}

}  // namespace

void add_revoke_commands(CLI::App& key, CommandTree& tree) {
  auto& session = tree.session();
  auto keys = std::make_shared<KeysToRevoke>();
  auto& of_key = tree.add(key, "revoke", "End keys for good",
                          {"key revoke KEY_ID --reason leaked --wait 5", "key revoke KEY_ID OTHER_KEY_ID"},
                          [keys, &session] { return revoke_keys(session, *keys); });
  of_key.add_option("KEY_ID", keys->key_ids)->required();
  keys->asked.add_to(of_key);

  auto targets = std::make_shared<Targets>();
  auto& command = tree.add(
      "revoke", "End all keys of a user, an application or a workspace, or those with leaked secrets",
      {"revoke --user ann --reason offboarding --wait 5", "revoke --workspace acme --dry-run",
       "revoke --secret-file leaked.txt --reason leaked", "pbpaste | revokectl revoke --secret-file -"},
      [targets, &session] { return revoke(session, *targets); });
  command.add_option("--user", targets->user, "All keys that the user has now");
  command.add_option("--application", targets->application, "The same of an application");
  command.add_option("--workspace", targets->workspace, "The same of a workspace");
  command
      .add_option("--secret-file", targets->secret_file,
                  "File with leaked secrets, one a line, at most 1000; - is standard input")
      ->type_name("FILE");
  targets->asked.add_to(command);
}

}  // namespace revoked::ctl
