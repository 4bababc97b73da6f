#include "net/api/asked_key.hpp"

#include <algorithm>
#include <array>

#include "engine/model/permissions.hpp"

namespace revoked::net {
namespace {

using engine::Scope;

bool join_permissions(const std::vector<std::string>& words, std::string& joined) {
  for (const auto& word : words) {
    if (word.empty() || word.find(' ') != std::string::npos) return false;
    if (!joined.empty()) joined.push_back(' ');
    joined.append(word);
  }
  return true;
}

bool read_permissions(AskedKey& asked, const JsonMember& member) {
  if (!join_permissions(member.strings, asked.permissions) ||
      !engine::is_permission_list(asked.permissions) ||
      asked.permissions.size() > engine::max_permissions_size)
    return false;
  asked.permissions = engine::normal_form(asked.permissions);
  asked.key.permissions = asked.permissions;
  return true;
}

bool read_expiry(AskedKey& asked, const JsonMember& member) {
  const auto at = engine::parse_rfc3339(member.text);
  if (!at || *at <= 0) return false;  // 0 means never
  asked.key.expires_at = *at;
  return true;
}

bool read_secret(AskedKey& asked, const JsonMember& member, const engine::Engine& engine) {
  asked.has_secret = true;
  if (member.name == "secret") {
    if (!engine::is_secret(member.text)) return false;
    asked.key.digest = engine.digester()(member.text);
    return true;
  }
  const auto digest = engine::digest_from_text(member.text);
  if (digest) asked.key.digest = engine.digester().of_sha256(*digest);
  return digest.has_value();
}

bool set(std::string_view text, bool is_valid, std::string_view& place) {
  place = text;
  return is_valid;
}

// False: the value is invalid.
bool read_member(AskedKey& asked, const JsonMember& member, const engine::Engine& engine) {
  auto& key = asked.key;
  const auto& text = member.text;
  for (const Scope scope : engine::all_scopes) {
    if (member.name == to_string(scope))
      return set(text, engine::is_owner_id(text), key.owners[static_cast<std::size_t>(scope)]);
  }
  if (member.name == "key_id") return set(text, engine::is_key_id(text), key.key_id);
  if (member.name == "name") return set(text, text.size() <= engine::max_name_size, key.name);
  if (member.name == "metadata")
    return set(text, text.size() <= engine::max_metadata_size && !member.repeats_inside, key.metadata);
  if (member.name == "permissions") return read_permissions(asked, member);
  if (member.name == "expires_at") return read_expiry(asked, member);
  if (member.name == "secret" || member.name == "secret_sha256") return read_secret(asked, member, engine);
  return true;  // of a record: asked_record.cpp
}

// A caller limited to one owner creates keys of that owner, and a caller that expires creates keys that
// expire with it, without naming either.
void take_limits(engine::NewKey& key, const engine::Principal& principal) {
  for (const Scope scope : engine::all_scopes) {
    auto& owner = key.owners[static_cast<std::size_t>(scope)];
    const auto& limit = principal.reach.limit(scope);
    if (owner.empty() && limit && limit->size() == 1) owner = limit->front();
  }
  if (key.expires_at == 0) key.expires_at = principal.expires_at;
}

}  // namespace

Fault read_asked_key(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                     const engine::Principal& principal) {
  Members members;
  if (auto fault = members.read(json, key_forms)) return fault;
  return read_asked_key(asked, std::move(members), engine, principal);
}

Fault read_asked_key(AskedKey& asked, Members members, const engine::Engine& engine,
                     const engine::Principal& principal) {
  asked = {};
  asked.members = std::move(members);
  if (asked.members.find("secret") != nullptr && asked.members.find("secret_sha256") != nullptr)
    return {"invalid_field", "secret_sha256", "secret and secret_sha256 exclude each other"};
  for (const auto& member : asked.members) {
    if (!read_member(asked, member, engine)) return wrong_value(member.name, key_forms);
  }
  take_limits(asked.key, principal);
  return {};
}

bool read_plain_key(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                    const engine::Principal& principal) {
  std::array<TextMember, 8> members;
  const auto count = read_json_texts(json, members);
  if (!count) return false;
  asked.permissions.clear();
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
    asked.key.has_issued_secret = true;
  }
  return api.engine.create(asked.key, call.caller());
}

}  // namespace revoked::net
