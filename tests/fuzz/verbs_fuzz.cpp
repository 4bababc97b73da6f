// Any requests of a caller who is limited to a workspace: each line is a method, a target and a body, sent in
// turn to every API that the engine serves. They change no key of other tenants, and reveal nothing of them.
//
// A line may begin with a sign: `!` sends the key in X-API-Key, `+` in a bare Authorization, `@` sends
// another credential, which the engine does not know.

#include <algorithm>

#include "tests/fuzz/served.hpp"

namespace revoked::verbs_fuzz {

constexpr const char* caller = "the secret of the caller";
constexpr const char* stranger = "the secret of nobody at all";
constexpr std::string_view theirs = "zq9x";  // is in all data of other tenants

struct Foreign {
  const char* id;
  const char* secret;
};
constexpr Foreign foreign[] = {{"zq9x-1", "the secret of zq9x-1"},
                               {"0192aaaa-0000-7000-8000-0000000000f1", "the secret of zq9x-2"}};

void add_keys(fuzz::ServedEngine& served) {
  const auto add = [&](const char* id, const char* secret, std::array<std::string_view, 3> owners,
                       std::string_view permissions, std::string_view name) {
    engine::NewKey key;
    key.key_id = id;
    key.digest = served.engine().digester()(secret);
    key.owners = owners;
    key.permissions = permissions;
    key.name = name;
    key.metadata = name.empty() ? "" : R"({"note":"zq9x"})";
    REQUIRE(bool(served.engine().create(key, {})));
  };
  constexpr std::string_view everything =
      "keys:create keys:read keys:verify keys:write keys:revoke audit:read gateways:read gateway";
  add("caller", caller, {"", "", "w1"}, everything, "");
  add("own", "the secret of own", {"u1", "0192aaaa-0000-7000-8000-0000000000a1", "w1"}, "keys:read", "");
  add("0192aaaa-0000-7000-8000-0000000000e1", "the secret of own 2", {"u1", "", "w1"}, "", "");
  // The same user and application ids as the caller's, in another workspace.
  add(foreign[0].id, foreign[0].secret, {"u1", "0192aaaa-0000-7000-8000-0000000000a1", "zq9x-w"}, "zq9x:read",
      "zq9x name");
  add(foreign[1].id, foreign[1].secret, {"u1", "", ""}, "", "zq9x name");
  served.sync();
}

std::string state_of_others(fuzz::ServedEngine& served) {
  std::string state;
  for (const auto& each : foreign) {
    // Without the last use, at its end, which the next request is.
    const auto record = served.ask("GET", std::string("/v1/keys/") + each.id).body;
    state += record.substr(0, std::min(record.find(",\"last_used_at\""), record.size() - 1));
    const auto verified =
        served.ask("POST", "/v1/keys/verify", R"({"secret":")" + std::string(each.secret) + "\"}");
    // Without the position, which changes.
    state += verified.body.substr(0, verified.body.find("\"as_of\""));
  }
  return state;
}

std::string request_of(std::string_view line, std::string& credential) {
  std::string_view sign;
  if (!line.empty() && std::string_view("!+@").find(line.front()) != std::string_view::npos) {
    sign = line.substr(0, 1);
    line.remove_prefix(1);
  }
  const auto method = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(method.size() + 1, line.size()));
  const auto target = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(target.size() + 1, line.size()));
  credential = sign == "@" ? stranger : caller;
  std::string text(method);
  text.append(" ").append(target).append(" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
  text.append(sign == "!" ? "X-API-Key: " : sign == "+" ? "Authorization: " : "Authorization: Bearer ");
  text.append(credential)
      .append("\r\nContent-Length: ")
      .append(std::to_string(line.size()))
      .append("\r\n\r\n");
  return text.append(line);
}

FUZZ_TARGET(verbs) {
  auto lines = fuzz::text_of(data, size);
  const bool names_them = lines.find(theirs) != lines.npos;  // then an answer may repeat it
  fuzz::ServedEngine served;
  add_keys(served);
  const auto before = state_of_others(served);
  REQUIRE(before.find(theirs) != before.npos);
  for (int left = 16; left > 0 && !lines.empty(); --left) {
    std::string credential;
    const auto request = request_of(fuzz::take_line(lines), credential);
    const auto answers = served.exchange(request);
    REQUIRE(answers.empty() || answers.starts_with("HTTP/1.1 "));
    REQUIRE(!answers.starts_with("HTTP/1.1 500"));
    REQUIRE(answers.find(credential) == answers.npos);
    if (!names_them) REQUIRE(answers.find(theirs) == answers.npos);
  }
  served.sync();
  REQUIRE(state_of_others(served) == before);
  return 0;
}

}  // namespace revoked::verbs_fuzz
