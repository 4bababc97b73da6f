#include "tests/support/witness.hpp"

#include <gtest/gtest.h>

namespace revoked::test {
namespace {

std::string path_of(const std::string& id) { return "/v1/keys/" + id; }

bool is_success(const HttpResponse& response) { return response.status / 100 == 2; }

// Lines of a bulk are refused one by one: 200, with as many failures.
bool had_no_space(const HttpResponse& response) {
  return response.status == 507 || response.json()["failed"][0]["code"].text() == "storage_full";
}

}  // namespace

bool Witness::ask_for_everything(HttpClient& engine, const std::string& name) {
  const auto id = [&](int number) { return name + "-" + std::to_string(number); };
  const auto user = name + "-user";
  const auto shop = name + "-shop";
  const auto lock = "/v1/applications/" + shop + "/lock";
  const auto now = [&](int number, std::string state) {
    return Effects{{newest_secret_[id(number)], std::move(state)}};
  };
  if (!create(engine, id(1), {{"user", user}}) || !create(engine, id(2), {{"user", user}}) ||
      !create(engine, id(3), {{"application", shop}}) || !create(engine, id(4)) || !create(engine, id(5)) ||
      !create(engine, id(6), {{"workspace", name}}) || !create(engine, id(7)) || !import(engine, name, 5))
    return false;
  if (!revoke(engine, id(1)) ||
      !change(engine, "POST", "/v1/keys/revoke", json_object({{"secret", newest_secret_[id(4)]}}),
              now(4, "revoked")) ||
      !change(engine, "DELETE", "/v1/users/" + user + "/keys", "", revoked({id(2)})) ||
      !create(engine, id(8), {{"user", user}}))
    return false;
  if (!change(engine, "POST", path_of(id(5)) + "/suspend", "", now(5, "suspended")) ||
      !change(engine, "POST", path_of(id(5)) + "/resume", "", now(5, "active")) ||
      !change(engine, "POST", path_of(id(7)) + "/suspend", "", now(7, "suspended")))
    return false;
  if (!rotate(engine, id(3)) || !rename(engine, id(8), "renamed") ||
      !change(engine, "PUT", lock, "", now(3, "locked")) ||
      !change(engine, "DELETE", lock, "", now(3, "active")) ||
      !change(engine, "PUT", "/v1/users/" + user + "/lock", "", now(8, "locked")))
    return false;
  return revoke_many(engine, {name + "-i0", name + "-i1"}) &&
         change(engine, "DELETE", "/v1/workspaces/" + name + "/keys", "", revoked({id(6)}));
}

std::string Witness::expect_new(const std::string& id) {
  auto secret = "secret-of-" + id;
  secrets_[secret] = {id, {"unknown"}};
  newest_secret_[id] = secret;
  names_[id] = {""};
  return secret;
}

bool Witness::create(HttpClient& engine, const std::string& id, Members members) {
  const auto secret = expect_new(id);
  auto body = json_object(members);
  body.pop_back();
  body += (body.size() > 1 ? "," : "") + json_object({{"key_id", id}, {"secret", secret}}).substr(1);
  return change(engine, "POST", "/v1/keys", body, {{secret, "active"}});
}

bool Witness::import(HttpClient& engine, const std::string& name, int count, std::string_view more) {
  std::string lines;
  Effects effects;
  for (int i = 0; i < count; ++i) {
    const auto id = name + "-i" + std::to_string(i);
    effects.emplace_back(expect_new(id), "active");
    auto line = json_object({{"key_id", id}, {"secret", effects.back().first}});
    line.insert(line.size() - 1, more);
    lines += line + "\n";
  }
  return change(engine, "POST", "/v1/keys/import", lines, effects);
}

bool Witness::revoke(HttpClient& engine, const std::string& id) {
  return change(engine, "DELETE", path_of(id), "", revoked({id}));
}

bool Witness::lock(HttpClient& engine, const std::string& user) {
  return change(engine, "PUT", "/v1/users/" + user + "/lock", "", {});
}

bool Witness::revoke_many(HttpClient& engine, const std::vector<std::string>& ids) {
  std::string lines;
  for (std::size_t i = 0; i < ids.size(); ++i)
    lines +=
        (i % 2 == 0 ? json_object({{"key_id", ids[i]}}) : json_object({{"secret", newest_secret_[ids[i]]}})) +
        "\n";
  return change(engine, "POST", "/v1/revocations", lines, revoked(ids));
}

bool Witness::rotate(HttpClient& engine, const std::string& id) {
  const auto old = newest_secret_[id];
  const auto answer =
      ask(engine, "POST", path_of(id) + "/rotate", R"({"grace_seconds":0})", {{old, "expired"}});
  const auto secret = answer.json()["secret"].text();
  if (!is_success(answer) || secret.empty()) return false;
  secrets_[secret] = {id, {"active"}};
  newest_secret_[id] = secret;
  return true;
}

bool Witness::rename(HttpClient& engine, const std::string& id, const std::string& name) {
  names_[id].insert(name);
  if (!change(engine, "PATCH", path_of(id), json_object({{"name", name}}), {})) return false;
  names_[id] = {name};
  return true;
}

Witness::Effects Witness::revoked(const std::vector<std::string>& ids) const {
  Effects effects;
  for (const auto& id : ids) effects.emplace_back(newest_secret_.at(id), "revoked");
  return effects;
}

bool Witness::change(HttpClient& engine, std::string_view method, const std::string& target,
                     const std::string& body, const Effects& effects) {
  return is_success(ask(engine, method, target, body, effects));
}

HttpResponse Witness::ask(HttpClient& engine, std::string_view method, const std::string& target,
                          const std::string& body, const Effects& effects) {
  for (const auto& [secret, state] : effects) secrets_[secret].states.insert(state);
  HttpResponse response;
  try {
    response = engine.request(method, target, {}, body);
  } catch (const ConnectionFailed&) {
    ++unknown_;
    return response;
  }
  const auto of = std::string(method) + " " + target;
  if (had_no_space(response)) response.status = 507;
  if (response.status / 100 == 5) {
    ++unknown_;
    return response;
  }
  if (!is_success(response) || response.json()["failed_count"].number() != 0)
    surprises_ += of + ": " + std::to_string(response.status) + " " + response.body + "\n";
  if (!is_success(response)) return response;
  for (const auto& [secret, state] : effects) secrets_[secret].states = {state};
  note_position(engine::parse_position(response.header("Revocation-Position")).value_or(engine::Position{}),
                of);
  return response;
}

void Witness::note_position(engine::Position position, const std::string& of) {
  if (position.sequence <= newest_.sequence || position.epoch < newest_.epoch)
    surprises_ += of + " at " + to_string(position) + ", after " + to_string(newest_) + "\n";
  newest_ = std::max(newest_, position);
}

std::string Witness::check_secret(HttpClient& engine, const std::string& secret, Known& known) {
  const auto decision = verify(engine, secret);
  const auto state = decision["state"].text();
  if (!known.states.contains(state)) {
    std::string expected;
    for (const auto& each : known.states) expected += (expected.empty() ? "" : " or ") + each;
    return known.key_id + " is " + state + ", not " + expected +
           "; its trail: " + engine.get("/v1/audit?key_id=" + known.key_id).body;
  }
  known.states = {state};
  const auto record = engine.get(path_of(known.key_id));
  if ((record.status == 404) != (state == "unknown") || record.status / 100 == 5)
    return known.key_id + " is " + state + ", and its record " + std::to_string(record.status);
  if (record.status == 404) return {};
  auto& names = names_[known.key_id];
  const auto name = record.json()["name"].text();
  if (!names.contains(name)) return known.key_id + " has the name '" + name + "'";
  names = {name};
  return {};
}

std::string Witness::check_list(HttpClient& engine) const {
  std::set<std::string> expected;
  for (const auto& [secret, known] : secrets_) {
    if (known.states != std::set<std::string>{"unknown"}) expected.insert(known.key_id);
  }
  std::set<std::string> listed;
  std::string target = "/v1/keys?limit=1000";
  for (std::string cursor = "?"; !cursor.empty();) {
    const auto page = engine.get(target).json();
    for (const auto& key : page["keys"].items()) listed.insert(key["key_id"].text());
    cursor = page["cursor"].text();
    target = "/v1/keys?limit=1000&cursor=" + cursor;
  }
  for (const auto& id : listed) {
    if (!expected.contains(id)) return id + " was never asked for";
  }
  return listed == expected ? "" : "the list lacks some of the keys";
}

// For a key that was created and revoked. A page may be empty while the index is rebuilt.
std::string Witness::check_audit(HttpClient& engine, const std::string& id) const {
  std::size_t entries = 0;
  std::string after;
  for (bool more = true; more;) {
    const auto page = engine.get("/v1/audit?key_id=" + id + (after.empty() ? "" : "&after=" + after));
    if (page.status != 200) return "its audit is " + page.body;
    const auto json = page.json();
    entries += json["entries"].size();
    more = json["more"].is_true() && json["position"].text() != after;
    after = json["position"].text();
  }
  return entries == 2 ? "" : "its audit has " + std::to_string(entries) + " entries";
}

std::string Witness::check(HttpClient& engine, Run run) {
  const auto position = position_of(engine.get("/v1/invalidations"));
  if (position.epoch < newest_.epoch + (run == Run::new_one ? 1 : 0))
    return "epoch " + std::to_string(position.epoch) + " again";
  if (position.sequence < newest_.sequence) return "the journal ends at " + to_string(position);
  for (auto& [secret, known] : secrets_) {
    if (auto wrong = check_secret(engine, secret, known); !wrong.empty()) return wrong;
  }
  if (auto wrong = has_others_ ? std::string() : check_list(engine); !wrong.empty()) return wrong;
  const auto id = name_ + "-check-" + std::to_string(++checks_);
  if (!create(engine, id) || !revoke(engine, id)) return "it takes no changes";
  if (auto wrong = check_audit(engine, id); !wrong.empty()) return wrong;
  return surprises_;
}

void expect_all_there(EngineProcess& engine, Witness& witness) {
  for (const auto* const start : {"first", "second"}) {
    SCOPED_TRACE(std::string(start) + " start after it");
    ASSERT_NO_THROW(engine.start());
    HttpClient client = engine.client();
    ASSERT_EQ(witness.check(client), "") << engine.log_text();
    ASSERT_EQ(engine.stop(), 0);
  }
}

}  // namespace revoked::test
