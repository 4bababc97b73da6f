// Lines of an import, through the whole server. The first byte selects the caller: the operator, or a key
// that is limited to a workspace. An accepted line reads back as sent, and no line changes the answers about
// others.

#include "engine/model/ids.hpp"
#include "net/http/json_reader.hpp"
#include "tests/fuzz/served.hpp"
#include "tests/support/plain_json.hpp"

namespace revoked::import_fuzz {

using test::PlainJson;

constexpr const char* creator = "the secret of the creator";

void add_creator(fuzz::ServedEngine& served) {
  engine::NewKey key;
  key.key_id = "creator";
  key.digest = served.engine().digester()(creator);
  key.owners[2] = "ours";
  key.permissions = "keys:create a b";
  REQUIRE(bool(served.engine().create(key, {})));
  served.sync();
}

PlainJson parsed(const fuzz::Answer& answer) {
  auto json = test::read_plain_json(answer.body);
  REQUIRE(json && net::is_utf8(answer.body));
  return *json;
}

void require_as_sent(const PlainJson& asked, const PlainJson& stored, bool is_limited) {
  if (!asked.text_of("key_id").empty()) REQUIRE(stored.text_of("key_id") == asked.text_of("key_id"));
  for (const auto* name : {"name", "user", "application"})
    REQUIRE(stored.text_of(name) == asked.text_of(name));
  REQUIRE(stored.text_of("workspace") == (is_limited ? "ours" : asked.text_of("workspace")));
  const auto* metadata = asked.find("metadata");
  if (metadata == nullptr || metadata->kind != PlainJson::Kind::object) return;
  const auto* kept = stored.find("metadata");
  REQUIRE(kept != nullptr && *kept == *metadata);
}

std::size_t require_sound_list(fuzz::ServedEngine& served) {
  const auto list = parsed(served.ask("GET", "/v1/keys?limit=1000"));
  const auto* keys = list.find("keys");
  REQUIRE(keys != nullptr);
  for (const auto& key : keys->items) {
    REQUIRE(engine::is_key_id(key.text_of("key_id")));
    for (const auto* owner : {"user", "application", "workspace"})
      REQUIRE(key.text_of(owner).empty() || engine::is_owner_id(key.text_of(owner)));
  }
  return keys->items.size();
}

FUZZ_TARGET(import) {
  auto lines = fuzz::text_of(data, size);
  const bool is_limited = fuzz::take_byte(lines) % 2 == 1;
  fuzz::ServedEngine served;
  if (is_limited) add_creator(served);
  const auto answer =
      served.ask("POST", "/v1/keys/import", lines, is_limited ? creator : fuzz::ServedEngine::master_key);
  const auto counts = parsed(answer);
  if (answer.status != 200) {
    REQUIRE(answer.status >= 400 && answer.status < 500);
    return 0;
  }
  std::vector<std::string> failed;
  for (const auto& each : counts.find("failed")->items) failed.push_back(each.find("line")->text);

  std::size_t taken = 0;
  std::size_t number = 0;
  for (auto rest = lines; !rest.empty();) {
    const auto line = fuzz::take_line(rest);
    ++number;
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    if (std::find(failed.begin(), failed.end(), std::to_string(number)) != failed.end()) continue;
    ++taken;
    const auto asked = test::read_plain_json(net::without_bom(line));
    REQUIRE(asked && asked->kind == PlainJson::Kind::object && net::is_utf8(line));
    const auto id = asked->text_of("key_id");
    if (id.empty()) continue;
    REQUIRE(engine::is_key_id(id));
    const auto stored = served.ask("GET", "/v1/keys/" + id);
    REQUIRE(stored.status == 200);
    require_as_sent(*asked, parsed(stored), is_limited);
  }
  REQUIRE(counts.find("created")->text == std::to_string(taken));
  REQUIRE(require_sound_list(served) == taken + (is_limited ? 1 : 0));
  return 0;
}

}  // namespace revoked::import_fuzz
