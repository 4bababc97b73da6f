// revokectl lock, unlock: all keys of an owner, those created later too.

#include <algorithm>
#include <memory>

#include "tools/ctl/commands.hpp"
#include "tools/ctl/enforcement.hpp"
#include "tools/ctl/json_object.hpp"
#include "tools/programs/program.hpp"

namespace revoked::ctl {
namespace {

struct Lock {
  std::string user, application, workspace;
  std::string reason, expires;
  Enforcement enforcement;

  void add_to(CLI::App& command) {
    command.add_option("--user", user, "The user");
    command.add_option("--application", application, "The application");
    command.add_option("--workspace", workspace, "The workspace");
    command.add_option("--reason", reason, "Why, for the audit trail");
  }
  // Of the one owner that is given.
  std::string path(const std::string& command) const {
    const std::pair<std::string, const std::string&> owners[] = {
        {"users", user}, {"applications", application}, {"workspaces", workspace}};
    const auto is_given = [](const auto& owner) { return !owner.second.empty(); };
    if (std::ranges::count_if(owners, is_given) != 1)
      throw tools::ConfigurationError(command + ": give one of --user, --application and --workspace");
    const auto& [scope, id] = *std::ranges::find_if(owners, is_given);
    return "/v1/" + scope + "/" + percent_encoded(id) + "/lock";
  }
};

void show(const Session& session, const JsonValue& lock) {
  if (session.is_json()) return Session::print_line(lock.json());
  std::string line = lock["locked"].is_true() ? "Locked" : "Unlocked";
  line.append(" the ").append(lock["scope"].text()).append(" ").append(shown_text(lock["id"].text()));
  if (const auto& until = lock["expires_at"].text(); !until.empty())
    line.append(" until ").append(shown_time(until)).append(" UTC");
  Session::print_line(line.append(" at position ").append(lock["position"].text()).append("."));
}

int lock(Session& session, const Lock& asked) {
  JsonObject body;
  body.add_optional("reason", asked.reason);
  if (!asked.expires.empty()) body.add("expires_at", time_text(asked.expires, "--expires"));
  const auto locked = session.change("PUT", asked.path("lock"), body.finish());
  show(session, locked);
  return asked.enforcement.follow(session, locked["position"].text());
}

int unlock(Session& session, const Lock& asked) {
  JsonObject body;
  body.add_optional("reason", asked.reason);
  show(session, session.change("DELETE", asked.path("unlock"), body.finish()));
  return done;
}

}  // namespace

void add_lock_commands(CommandTree& tree) {
  auto& session = tree.session();
  auto locked = std::make_shared<Lock>();
  auto& command = tree.add(
      "lock", "Deny all keys of a user, an application or a workspace, later ones too, until it is lifted",
      {"lock --user ann --reason \"odd traffic\" --wait 5", "lock --workspace acme --expires 12h"},
      [locked, &session] { return lock(session, *locked); });
  locked->add_to(command);
  command
      .add_option("--expires", locked->expires,
                  "When it ends by itself: a time (RFC 3339), or from now: 12h, 30d")
      ->type_name("TIME");
  locked->enforcement.add_wait_option(command);

  auto unlocked = std::make_shared<Lock>();
  auto& other = tree.add("unlock", "Lift the lock of an owner", {"unlock --user ann --reason cleared"},
                         [unlocked, &session] { return unlock(session, *unlocked); });
  unlocked->add_to(other);
}

}  // namespace revoked::ctl
