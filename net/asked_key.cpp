#include "net/asked_key.hpp"

#include <algorithm>
#include <array>

#include "engine/permission_sets.hpp"

namespace revoked::net {
namespace {

using engine::errc;
using engine::Scope;
using Kind = JsonMember::Kind;

bool join_permissions(const std::vector<std::string>& words, std::string& joined) {
  for (const auto& word : words) {
    if (word.empty() || word.find(' ') != std::string::npos) return false;
    if (!joined.empty()) joined.push_back(' ');
    joined.append(word);
  }
  return true;
}

void read_expiry(AskedKey& asked, const JsonMember& member) {
  const auto at = engine::parse_rfc3339(member.text);
  if (!at || *at == 0) {
    asked.refusal = "expires_at is not an RFC 3339 time";
  } else {
    asked.key.expires_at = *at;
  }
}

void read_secret(AskedKey& asked, const JsonMember& member, const engine::Engine& engine) {
  if (asked.has_secret) {
    asked.refusal = "secret and secret_sha256 exclude each other";
    return;
  }
  asked.has_secret = true;
  if (member.name == "secret") {
    if (member.text.size() < 16 || member.text.size() > engine::max_secret_size) {
      asked.refusal = "secret is 16 to 512 characters";
    } else {
      asked.key.digest = engine.digester()(member.text);
    }
  } else if (const auto digest = engine::digest_from_text(member.text)) {
    asked.key.digest = engine.digester().of_sha256(*digest);
  } else {
    asked.refusal = "secret_sha256 is 32 bytes in hexadecimal or base64";
  }
}

void read_member(AskedKey& asked, const JsonMember& member, const engine::Engine& engine) {
  const auto is = [&](std::string_view name, Kind kind) {
    return member.name == name && member.kind == kind;
  };
  if (member.kind == Kind::null) return;
  for (const Scope scope : engine::all_scopes) {
    if (!is(to_string(scope), Kind::string)) continue;
    if (!engine::is_owner_id(member.text))
      asked.refusal = member.name + ": " + make_error_code(errc::invalid_owner_id).message();
    asked.key.owners[static_cast<std::size_t>(scope)] = member.text;
    return;
  }
  if (is("key_id", Kind::string)) {
    if (!engine::is_key_id(member.text)) asked.refusal = make_error_code(errc::invalid_key_id).message();
    asked.key.key_id = member.text;
  } else if (is("name", Kind::string)) {
    if (member.text.size() > engine::max_name_size) asked.refusal = "name is at most 256 bytes";
    asked.key.name = member.text;
  } else if (is("metadata", Kind::object)) {
    if (member.text.size() > engine::max_metadata_size) asked.refusal = "metadata is at most 4096 bytes";
    asked.key.metadata = member.text;
  } else if (is("permissions", Kind::strings)) {
    if (!join_permissions(member.strings, asked.permissions) ||
        !engine::is_permission_list(asked.permissions) ||
        asked.permissions.size() > engine::max_permissions_size) {
      asked.refusal = "permissions are words of visible ASCII, 2048 bytes in all";
    }
    asked.permissions = engine::normal_form(asked.permissions);
    asked.key.permissions = asked.permissions;
  } else if (is("expires_at", Kind::string)) {
    read_expiry(asked, member);
  } else if (is("secret", Kind::string) || is("secret_sha256", Kind::string)) {
    read_secret(asked, member, engine);
  } else {
    asked.refusal = "member \"" + member.name + "\" is unknown or of the wrong type";
  }
}

// A caller limited to one owner creates keys of that owner, and one that will end keys that end with it,
// without having to say so.
void take_limits(engine::NewKey& key, const engine::Principal& principal) {
  for (const Scope scope : engine::all_scopes) {
    auto& owner = key.owners[static_cast<std::size_t>(scope)];
    const auto& limit = principal.reach.limit(scope);
    if (owner.empty() && limit && limit->size() == 1) owner = limit->front();
  }
  if (key.expires_at == 0) key.expires_at = principal.expires_at;
}

}  // namespace

std::optional<Refusal> read_asked_key(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                                      const engine::Principal& principal) {
  auto members = read_json_object(json.empty() ? "{}" : json);
  if (!members) return Refusal{400, "malformed", "this is not one JSON object"};
  return read_asked_key(asked, std::move(*members), engine, principal);
}

std::optional<Refusal> read_asked_key(AskedKey& asked, std::vector<JsonMember> members,
                                      const engine::Engine& engine, const engine::Principal& principal) {
  asked = {};
  asked.members = std::move(members);
  for (const auto& member : asked.members) {
    read_member(asked, member, engine);
    if (!asked.refusal.empty()) return Refusal{400, "invalid_field", asked.refusal};
  }
  take_limits(asked.key, principal);
  return {};
}

bool read_plain_key(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                    const engine::Principal& principal) {
  std::array<TextMember, 8> members;
  const auto count = read_json_texts(json, members);
  if (!count) return false;
  asked.members.clear();
  asked.permissions.clear();
  asked.refusal.clear();
  asked.has_secret = false;
  engine::NewKey key;
  for (const auto& [name, text] : std::span(members).first(*count)) {
    if (name == "key_id") {
      if (!engine::is_key_id(text)) return false;
      key.key_id = text;
    } else if (name == "secret_sha256") {
      const auto digest = engine::digest_from_text(text);
      if (!digest || asked.has_secret) return false;
      asked.has_secret = true;
      key.digest = engine.digester().of_sha256(*digest);
    } else if (name == "name") {
      if (text.size() > engine::max_name_size) return false;
      key.name = text;
    } else {
      const auto scope = std::find_if(engine::all_scopes.begin(), engine::all_scopes.end(),
                                      [&name = name](Scope each) { return name == to_string(each); });
      if (scope == engine::all_scopes.end() || !engine::is_owner_id(text)) return false;
      key.owners[static_cast<std::size_t>(*scope)] = text;
    }
  }
  asked.key = key;
  take_limits(asked.key, principal);
  return asked.has_secret;
}

engine::result<engine::CreatedKey> create_asked_key(Api& api, const Call& call, AskedKey& asked) {
  if (!asked.has_secret) {
    asked.issued_secret = engine::new_secret(api.engine.key_prefix());
    asked.key.digest = api.engine.digester()(asked.issued_secret);
  }
  return api.engine.create(asked.key, call.caller());
}

}  // namespace revoked::net
