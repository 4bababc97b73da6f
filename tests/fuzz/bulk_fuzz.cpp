// Lines of a bulk revocation by a caller who is limited to a workspace, through the whole server. Exactly the
// keys that a line names within the caller's reach are revoked; each line is counted once.

#include <set>

#include "net/http/json_reader.hpp"
#include "tests/fuzz/served.hpp"
#include "tests/support/plain_json.hpp"

namespace revoked::bulk_fuzz {

constexpr const char* caller = "the secret of the caller";
struct Key {
  const char* id;
  const char* secret;
  const char* user;
  const char* workspace;
};
constexpr Key keys[] = {{"caller", caller, "", "w1"},
                        {"k1", "the secret of k1", "u1", "w1"},
                        {"k2", "the secret of k2", "u2", "w1"},
                        {"f1", "the secret of f1", "u1", "w2"},
                        {"f2", "the secret of f2", "u1", ""}};

void add_keys(fuzz::ServedEngine& served) {
  for (const auto& each : keys) {
    engine::NewKey key;
    key.key_id = each.id;
    key.digest = served.engine().digester()(each.secret);
    key.owners = {each.user, "", each.workspace};
    key.permissions = each.secret == caller ? "keys:revoke" : "";
    REQUIRE(bool(served.engine().create(key, {})));
  }
  served.sync();
}

std::uint64_t number_of(const test::PlainJson& json, std::string_view name) {
  const auto* found = json.find(name);
  REQUIRE(found != nullptr && found->kind == test::PlainJson::Kind::number);
  return std::stoull(found->text);
}

FUZZ_TARGET(bulk) {
  const auto lines = fuzz::text_of(data, size);
  fuzz::ServedEngine served;
  add_keys(served);
  const auto answer = served.ask("POST", "/v1/revocations", lines, caller);
  const auto counts = test::read_plain_json(answer.body);
  REQUIRE(counts && net::is_utf8(answer.body));
  if (answer.status == 200) {
    std::uint64_t asked = 0;
    for (auto rest = lines; !rest.empty();) {
      const auto line = fuzz::take_line(rest);
      if (line.find_first_not_of(" \t\r") != line.npos) ++asked;
    }
    REQUIRE(number_of(*counts, "accepted") + number_of(*counts, "failed_count") == asked);
  } else {
    // The caller's own key may have been among them.
    REQUIRE(answer.status >= 400 && answer.status < 500);
  }
  std::uint64_t revoked = 0;
  for (const auto& each : keys) {
    const auto stored = test::read_plain_json(served.ask("GET", std::string("/v1/keys/") + each.id).body);
    REQUIRE(stored.has_value());
    const auto state = stored->text_of("state");
    REQUIRE(state == "active" || state == "revoked");
    if (std::string_view(each.workspace) != "w1") REQUIRE(state == "active");
    if (state == "revoked") ++revoked;
  }
  if (answer.status == 200) REQUIRE(number_of(*counts, "revoked") == revoked);
  return 0;
}

}  // namespace revoked::bulk_fuzz
