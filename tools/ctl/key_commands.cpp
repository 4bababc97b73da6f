// revokectl key …

#include <algorithm>
#include <memory>

#include "tools/ctl/commands.hpp"
#include "tools/ctl/enforcement.hpp"
#include "tools/ctl/input.hpp"
#include "tools/ctl/json_object.hpp"
#include "tools/ctl/terminal.hpp"
#include "tools/programs/program.hpp"

namespace revoked::ctl {
namespace {

using tools::ConfigurationError;

std::string path_of(const std::string& key_id) { return "/v1/keys/" + percent_encoded(key_id); }

std::string joined(const JsonValue& texts) {
  std::string out;
  for (const auto& text : texts.items()) out.append(out.empty() ? "" : " ").append(text.text());
  return out;
}

// One member a line.
void print_members(const JsonValue& object) {
  std::size_t width = 0;
  for (const auto& [name, value] : object.members()) width = std::max(width, name.size());
  std::string out;
  for (const auto& [name, value] : object.members()) {
    if (value.kind() == JsonValue::Kind::null || (value.is_array() && value.items().empty())) continue;
    auto text = value.is_array() && !value.items().empty() && !value.items()[0].is_object() ? joined(value)
                : value.is_array() || value.is_object()                                     ? value.json()
                                                        : shown_time(value.text());
    text = shown_text(text);
    out.append(name).append(width - name.size() + 2, ' ');
    out.append(has_colour() ? coloured(text) : text).append("\n");
  }
  Session::print(out);
}

void print_object(const Session& session, const JsonValue& object) {
  if (session.is_json())
    Session::print_line(object.json());
  else
    print_members(object);
}

// What can be given to a new key, and changed later.
struct KeyMembers {
  std::string name;
  std::string expires;
  std::vector<std::string> permissions;
  std::string metadata;

  void add_to(CLI::App& command, const std::string& never) {
    command.add_option("--name", name, "A name, for people");
    command
        .add_option("--expires", expires, "When it ends: a time (RFC 3339), or from now: 12h, 30d" + never)
        ->type_name("TIME");
    command
        .add_option("--permission", permissions, "A permission; may be repeated, or be a list with commas")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("NAME");
    command.add_option("--metadata", metadata, "A JSON object")->type_name("JSON");
  }
  void append_rest(JsonObject& body) const {
    if (!permissions.empty()) body.add("permissions", permissions);
    if (metadata.empty()) return;
    const auto value = JsonValue::parse(metadata);
    if (!value.is_object()) throw ConfigurationError("--metadata: it is not a JSON object");
    body.add_raw("metadata", metadata);
  }
};

struct NewKey {
  KeyMembers members;
  std::string user, application, workspace, key_id, secret_file, secret_sha256;
};

int create(Session& session, const NewKey& key) {
  JsonObject body;
  body.add_optional("user", key.user).add_optional("application", key.application);
  body.add_optional("workspace", key.workspace).add_optional("key_id", key.key_id);
  body.add_optional("name", key.members.name).add_optional("secret_sha256", key.secret_sha256);
  if (!key.members.expires.empty()) body.add("expires_at", time_text(key.members.expires, "--expires"));
  if (!key.secret_file.empty()) body.add("secret", read_secrets(key.secret_file).front());
  key.members.append_rest(body);
  const auto created = session.change("POST", "/v1/keys", body.finish());
  print_object(session, created);
  if (!created["secret"].text().empty() && is_output_terminal())
    Session::tell("keep the secret now: it is not shown again");
  return done;
}

void add_create(CLI::App& key, CommandTree& tree) {
  auto asked = std::make_shared<NewKey>();
  auto& session = tree.session();
  auto& command = tree.add(key, "create", "Create a key; its secret is shown once",
                           {"key create --user ann --workspace acme --expires 90d",
                            "key create --application shop --permission keys:read,keys:revoke -o json"},
                           [asked, &session] { return create(session, *asked); });
  command.add_option("--user", asked->user, "Whose it is");
  command.add_option("--application", asked->application, "The application that it belongs to");
  command.add_option("--workspace", asked->workspace, "The workspace (tenant) that it belongs to");
  asked->members.add_to(command, "");
  command.add_option("--key-id", asked->key_id, "An id of your own; none: a UUID");
  command
      .add_option("--secret-file", asked->secret_file, "File with a secret of your own; - is standard input")
      ->type_name("FILE");
  command.add_option("--secret-sha256", asked->secret_sha256, "The SHA-256 of a secret of your own")
      ->type_name("DIGEST");
}

int verify(Session& session, const std::string& file) {
  JsonObject body;
  body.add("secret", read_secrets(file).front());
  const auto decision = session.change("POST", "/v1/keys/verify", body.finish());
  print_object(session, decision);
  return decision["active"].is_true() ? done : refused;
}

void add_verify(CLI::App& key, CommandTree& tree) {
  auto file = std::make_shared<std::string>();
  auto& session = tree.session();
  auto& command = tree.add(
      key, "verify", "Whose secret is it, and is it active? Exit code 1 if not; without a file a prompt asks",
      {"key verify", "key verify --secret-file - < secret"},
      [file, &session] { return verify(session, *file); });
  command.add_option("--secret-file", *file, "File with the secret; - is standard input")->type_name("FILE");
}

// One of a key's verbs.
struct Change {
  std::string key_id;
  std::string reason;
  std::string grace = "0";
  Enforcement enforcement;
};

int change(Session& session, const Change& asked, const std::string& verb, const std::string& body) {
  const auto changed = session.change("POST", path_of(asked.key_id) + "/" + verb, body);
  print_object(session, changed);
  return asked.enforcement.follow(session, changed["position"].text());
}

void add_suspend_and_resume(CLI::App& key, CommandTree& tree) {
  const auto add = [&](const std::string& verb, const std::string& help) -> CLI::App& {
    auto asked = std::make_shared<Change>();
    auto& session = tree.session();
    auto& command = tree.add(key, verb, help, {"key " + verb + " KEY_ID --reason \"odd traffic\""},
                             [asked, verb, &session] {
                               JsonObject body;
                               body.add_optional("reason", asked->reason);
                               return change(session, *asked, verb, body.finish());
                             });
    command.add_option("KEY_ID", asked->key_id)->required();
    command.add_option("--reason", asked->reason, "Why, for the audit trail");
    if (verb == "suspend") asked->enforcement.add_wait_option(command);
    return command;
  };
  add("suspend", "Deny a key until it is resumed");
  add("resume", "Allow a suspended key again");
}

void add_rotate(CLI::App& key, CommandTree& tree) {
  auto asked = std::make_shared<Change>();
  auto& session = tree.session();
  auto& command =
      tree.add(key, "rotate", "Make a new secret; the one before lives on for the grace",
               {"key rotate KEY_ID --grace 1h", "key rotate KEY_ID --wait 5"}, [asked, &session] {
                 JsonObject body;
                 body.add_raw("grace_seconds", std::to_string(seconds_of(asked->grace, "--grace")));
                 return change(session, *asked, "rotate", body.finish());
               });
  command.add_option("KEY_ID", asked->key_id)->required();
  command
      .add_option("--grace", asked->grace,
                  "How long the secret before is valid: 30s, 1h, up to 30d; 0: no longer")
      ->capture_default_str()
      ->type_name("DURATION");
  asked->enforcement.add_wait_option(command);
}

struct Edit {
  std::string key_id;
  KeyMembers members;
  bool has_no_permissions = false;
  CLI::Option* name = nullptr;
  CLI::Option* metadata = nullptr;
};

int edit(Session& session, const Edit& asked) {
  JsonObject body;
  const auto& members = asked.members;
  if (asked.name->count() != 0 && members.name.empty())
    body.add_raw("name", "null");
  else
    body.add_optional("name", members.name);
  if (members.expires == "never")
    body.add_raw("expires_at", "null");
  else if (!members.expires.empty())
    body.add("expires_at", time_text(members.expires, "--expires"));
  if (asked.has_no_permissions) body.add_raw("permissions", "[]");
  if (asked.metadata->count() != 0 && members.metadata.empty()) body.add_raw("metadata", "null");
  members.append_rest(body);
  if (body.is_empty()) throw ConfigurationError("key edit: give what to change");
  const auto edited = session.change("PATCH", path_of(asked.key_id), body.finish());
  print_object(session, edited);
  return done;
}

void add_edit(CLI::App& key, CommandTree& tree) {
  auto asked = std::make_shared<Edit>();
  auto& session = tree.session();
  auto& command = tree.add(key, "edit", "Change a key; what is not given stays",
                           {"key edit KEY_ID --expires 30d", "key edit KEY_ID --name \"\" --expires never"},
                           [asked, &session] { return edit(session, *asked); });
  command.add_option("KEY_ID", asked->key_id)->required();
  asked->members.add_to(command, "; never");
  command.add_flag("--no-permissions", asked->has_no_permissions, "Take all permissions away");
  asked->name = command.get_option("--name");
  asked->metadata = command.get_option("--metadata");
}

}  // namespace

void add_key_commands(CommandTree& tree) {
  auto& key = tree.add_group("key", "Create, show and change keys");
  auto& session = tree.session();
  add_create(key, tree);
  auto shown = std::make_shared<std::string>();
  tree.add(key, "show", "Show a key", {"key show KEY_ID"},
           [shown, &session] {
             print_object(session, session.get(path_of(*shown)));
             return int{done};
           })
      .add_option("KEY_ID", *shown)
      ->required();
  add_key_list_command(key, tree);
  add_verify(key, tree);
  add_revoke_commands(key, tree);
  add_suspend_and_resume(key, tree);
  add_rotate(key, tree);
  add_edit(key, tree);
}

}  // namespace revoked::ctl
