// revokectl key list

#include <algorithm>
#include <iostream>
#include <memory>

#include "tools/ctl/commands.hpp"
#include "tools/ctl/terminal.hpp"

namespace revoked::ctl {
namespace {

struct Filter {
  std::string user, application, workspace, state, used_before;
  std::uint64_t limit = 100;
};

void add_key_row(Table& table, const JsonValue& key) {
  table.add({key["key_id"].text(), key["state"].text(), key["user"].text(), key["application"].text(),
             key["workspace"].text(), key["name"].text(), shown_time(key["created_at"].text()),
             shown_time(key["expires_at"].text()), shown_time(key["last_used_at"].text())});
}

int list(Session& session, const Filter& filter) {
  constexpr std::uint64_t page = 1000;
  Table table({"KEY ID", "STATE", "USER", "APPLICATION", "WORKSPACE", "NAME", "CREATED (UTC)",
               "EXPIRES (UTC)", "LAST USED (UTC)"});
  std::string cursor;
  std::uint64_t count = 0;
  do {
    const auto left = filter.limit == 0 ? page : std::min(page, filter.limit - count);
    Query query;
    query.add("user", filter.user).add("application", filter.application).add("workspace", filter.workspace);
    query.add("state", filter.state).add("limit", std::to_string(left)).add("cursor", cursor);
    if (!filter.used_before.empty()) query.add("used_before", filter.used_before);
    const auto answer = session.get("/v1/keys" + query.text());
    std::string lines;
    for (const auto& key : answer["keys"].items()) {
      ++count;
      if (session.is_json())
        lines.append(key.json()).append("\n");
      else
        add_key_row(table, key);
    }
    Session::print(lines);
    cursor = answer["cursor"].text();
    if (!session.is_json() && is_error_terminal() && !cursor.empty())
      std::cerr << '\r' << count << " keys\x1b[K" << std::flush;
  } while (!cursor.empty() && (filter.limit == 0 || count < filter.limit));
  if (is_error_terminal()) std::cerr << "\r\x1b[K" << std::flush;
  if (!session.is_json()) Session::print(table);
  if (!cursor.empty()) Session::tell("there may be more keys: --limit 0 lists all");
  return done;
}

}  // namespace

void add_key_list_command(CLI::App& key, CommandTree& tree) {
  auto filter = std::make_shared<Filter>();
  auto& session = tree.session();
  auto& command =
      tree.add(key, "list", "List keys, oldest first",
               {"key list --user ann", "key list --state active --limit 0 -o json | jq -r .key_id"},
               [filter, &session] { return list(session, *filter); });
  command.add_option("--user", filter->user, "Only keys of this user");
  command.add_option("--application", filter->application, "Only keys of this application");
  command.add_option("--workspace", filter->workspace, "Only keys of this workspace");
  command.add_option("--state", filter->state, "Only keys in this state")
      ->check(CLI::IsMember({"active", "suspended", "expired", "revoked"}));
  command.add_option("--used-before", filter->used_before, "Only keys not used since this time (RFC 3339)")
      ->type_name("TIME");
  command.add_option("--limit", filter->limit, "At most so many; 0: all")->capture_default_str();
}

}  // namespace revoked::ctl
