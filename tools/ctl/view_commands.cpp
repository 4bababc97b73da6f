// revokectl gateways, engines, receipt, audit

#include <algorithm>
#include <memory>

#include "tools/ctl/commands.hpp"
#include "tools/ctl/enforcement.hpp"

namespace revoked::ctl {
namespace {

int show_gateways(Session& session) {
  const auto answer = session.get("/v1/gateways");
  if (session.is_json()) {
    Session::print_line(answer.json());
    return done;
  }
  Table table({"GATEWAY", "STATE", "LAG", "POSITION", "REPORTED (UTC)", "WHEN STALE", "LEASE MS", "VERSION"});
  for (const auto& gateway : answer["gateways"].items()) {
    table.add({gateway["name"].text(), gateway["state"].text(), gateway["lag"].text(),
               gateway["position"].text(), shown_time(gateway["reported_at"].text()),
               gateway["when_stale"].text(), gateway["lease_ms"].text(), gateway["version"].text()});
  }
  if (table.is_empty())
    Session::print_line("No gateway has reported to this engine.");
  else
    Session::print(table);
  return done;
}

int show_engines(Session& session) {
  const auto answer = session.get("/v1/engines");
  if (session.is_json()) {
    Session::print_line(answer.json());
    return done;
  }
  Table table({"ENGINE", "ROLE", "STATE", "LAG", "POSITION"});
  for (const auto& engine : answer["engines"].items())
    table.add({engine["url"].text(), engine["role"].text(), engine["state"].text(), engine["lag"].text(),
               engine["position"].text()});
  Session::print(table);
  return done;
}

struct AuditFilter {
  std::string key_id, actor, user, after;
  std::uint64_t limit = 100;
};

void add_entry_row(Table& table, const JsonValue& entry) {
  const auto& key_id = entry["key_id"].text();
  const auto& scope = entry["scope"].text();
  table.add({shown_time(entry["at"].text()), entry["verb"].text(),
             !scope.empty() ? scope + " " + entry["id"].text() : key_id, entry["user"].text(),
             entry["workspace"].text(), entry["actor"].text(), entry["address"].text(),
             entry["reason"].text(), entry["position"].text()});
}

int show_audit(Session& session, const AuditFilter& filter) {
  constexpr std::uint64_t page = 1000;
  Table table({"AT (UTC)", "WHAT", "KEY OR OWNER", "USER", "WORKSPACE", "BY", "FROM", "REASON", "POSITION"});
  auto after = filter.after;
  std::uint64_t count = 0;
  bool has_more = true;
  while (has_more && (filter.limit == 0 || count < filter.limit)) {
    const auto left = filter.limit == 0 ? page : std::min(page, filter.limit - count);
    Query query;
    query.add("key_id", filter.key_id).add("actor", filter.actor).add("user", filter.user);
    query.add("after", after).add("limit", std::to_string(left));
    const auto answer = session.get("/v1/audit" + query.text());
    std::string lines;
    for (const auto& entry : answer["entries"].items()) {
      ++count;
      if (session.is_json())
        lines.append(entry.json()).append("\n");
      else
        add_entry_row(table, entry);
    }
    Session::print(lines);
    after = answer["position"].text();
    has_more = answer["more"].is_true();
  }
  Session::print(table);
  if (has_more) Session::tell("there may be more entries: --after " + after);
  return done;
}

void add_audit(CommandTree& tree) {
  auto filter = std::make_shared<AuditFilter>();
  auto& session = tree.session();
  auto& command = tree.add("audit", "Who did what to which key, oldest first",
                           {"audit --key-id KEY_ID", "audit --user ann --limit 0 -o json"},
                           [filter, &session] { return show_audit(session, *filter); });
  command.add_option("--key-id", filter->key_id, "Only what happened to this key");
  command.add_option("--actor", filter->actor,
                     "Only what this caller did: master, a key's id, a token's sub");
  command.add_option("--user", filter->user, "Only what happened to this user and their keys");
  command.add_option("--after", filter->after, "Only what happened after this position")
      ->type_name("POSITION");
  command.add_option("--limit", filter->limit, "At most so many; 0: all")->capture_default_str();
}

struct AskedReceipt {
  std::string position;
  Enforcement enforcement;
};

}  // namespace

void add_view_commands(CommandTree& tree) {
  auto& session = tree.session();
  tree.add("gateways", "The gateways, and what they have applied", {"gateways", "gateways -o json"},
           [&session] { return show_gateways(session); });
  tree.add("engines", "The engines, and which one leads", {"engines", "engines -o json"},
           [&session] { return show_engines(session); });
  auto asked = std::make_shared<AskedReceipt>();
  auto& receipt = tree.add("receipt", "Which gateways enforce a change, and since when",
                           {"receipt 3-1042", "receipt 3-1042 --wait 5"}, [asked, &session] {
                             return asked->enforcement.show(session, percent_encoded(asked->position));
                           });
  receipt.add_option("POSITION", asked->position, "As in the answer to the change")->required();
  asked->enforcement.add_wait_option(receipt);
  add_audit(tree);
}

}  // namespace revoked::ctl
