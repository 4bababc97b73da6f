#include "net/asked_key.hpp"

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

void read_secret(AskedKey& asked, const JsonMember& member, const engine::Engine& engine, bool& has_secret) {
  if (has_secret) {
    asked.refusal = "secret and secret_sha256 exclude each other";
    return;
  }
  has_secret = true;
  if (member.name == "secret") {
    if (member.text.size() < 16 || member.text.size() > engine::max_secret_size) {
      asked.refusal = "secret is 16 to 512 characters";
    } else {
      asked.key.digest = engine.digester()(member.text);
    }
  } else if (engine.digester().has_pepper()) {
    asked.refusal = "secret_sha256 cannot be used with a pepper";
  } else if (const auto digest = engine::digest_from_hex(member.text)) {
    asked.key.digest = *digest;
  } else {
    asked.refusal = "secret_sha256 is 64 hexadecimal digits";
  }
}

void read_member(AskedKey& asked, const JsonMember& member, const engine::Engine& engine, bool& has_secret) {
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
    asked.key.permissions = asked.permissions;
  } else if (is("expires_at", Kind::string)) {
    read_expiry(asked, member);
  } else if (is("secret", Kind::string) || is("secret_sha256", Kind::string)) {
    read_secret(asked, member, engine, has_secret);
  } else {
    asked.refusal = "member \"" + member.name + "\" is unknown or of the wrong type";
  }
}

void read_new_key(AskedKey& asked, const engine::Engine& engine) {
  bool has_secret = false;
  for (const auto& member : asked.members) {
    read_member(asked, member, engine, has_secret);
    if (!asked.refusal.empty()) return;
  }
  if (!has_secret) {
    asked.issued_secret = engine::new_secret(engine.key_prefix());
    asked.key.digest = engine.digester()(asked.issued_secret);
  }
}

// A caller limited to one owner creates keys of that owner without having to say so.
void take_limits(engine::NewKey& key, const engine::Reach& reach) {
  for (const Scope scope : engine::all_scopes) {
    auto& owner = key.owners[static_cast<std::size_t>(scope)];
    const auto& limit = reach.limit(scope);
    if (owner.empty() && limit && limit->size() == 1) owner = limit->front();
  }
}

}  // namespace

std::optional<engine::CreatedKey> create_asked_key(Api& api, Call& call, AskedKey& asked) {
  const auto refused = [&](unsigned status, std::string_view code, std::string_view detail) {
    refuse(call, status, code, detail);
    return std::nullopt;
  };
  read_new_key(asked, api.engine);
  if (!asked.refusal.empty()) return refused(400, "invalid_field", asked.refusal);
  if (!engine::may_grant(call.principal, asked.permissions)) {
    return refused(403, "forbidden", "nobody grants a permission that they do not hold");
  }
  take_limits(asked.key, call.principal.reach);
  if (!call.principal.reach.covers(asked.key.owners)) {
    return refused(403, "forbidden", "nobody creates a key outside their own reach");
  }
  const auto created = api.engine.create(asked.key, call.caller());
  if (created) return *created;
  refuse(call, created.error());
  return {};
}

}  // namespace revoked::net
