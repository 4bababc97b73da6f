// Creating, showing and verifying keys.

#include "cache/json_writer.hpp"
#include "net/api.hpp"
#include "net/json_reader.hpp"
#include "net/problem.hpp"

namespace revoked::net {
namespace {

using cache::JsonWriter;
using engine::errc;
using engine::Scope;
using Kind = JsonMember::Kind;

// A creation as asked for. `key` views the strings.
struct AskedKey {
  std::vector<JsonMember> members;
  engine::NewKey key;
  std::string permissions;
  std::string issued_secret;
  std::string refusal;  // why not, if not empty
};

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
  const auto is = [&](std::string_view name, Kind kind) { return member.name == name && member.kind == kind; };
  if (member.kind == Kind::null) return;
  for (const Scope scope : engine::all_scopes) {
    if (!is(to_string(scope), Kind::string)) continue;
    if (!engine::is_owner_id(member.text)) asked.refusal = member.name + ": " + make_error_code(errc::invalid_owner_id).message();
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
    if (!join_permissions(member.strings, asked.permissions) || !engine::is_permission_list(asked.permissions) ||
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

void write_permissions(JsonWriter& json, std::string_view list) {
  json.key("permissions").open('[');
  engine::for_each_permission(list, [&](std::string_view permission) { json.value(permission); });
  json.close(']');
}

void write_time(JsonWriter& json, std::string_view name, engine::UnixMs at) {
  if (at == 0) {
    json.key(name).null();
  } else {
    json.key(name).time(at);
  }
}

template <class Owner>
void write_owners(JsonWriter& json, const Owner& owner) {
  for (const Scope scope : engine::all_scopes) json.optional_field(to_string(scope), owner(scope));
}

}  // namespace

Outcome create_key(Api& api, Call& call) {
  auto members = read_json_object(call.request().body.empty() ? "{}" : call.request().body);
  if (!members) return refuse(call, 400, "malformed", "the body is not one JSON object");
  AskedKey asked{std::move(*members), {}, {}, {}, {}};
  read_new_key(asked, api.engine);
  if (!asked.refusal.empty()) return refuse(call, 400, "invalid_field", asked.refusal);

  if (!engine::may_grant(call.principal, asked.permissions)) {
    return refuse(call, 403, "forbidden", "nobody grants a permission that they do not hold");
  }
  take_limits(asked.key, call.principal.reach);
  if (!call.principal.reach.covers(asked.key.owners)) {
    return refuse(call, 403, "forbidden", "nobody creates a key outside their own reach");
  }
  const auto created = api.engine.create(asked.key, call.caller());
  if (!created) return refuse(call, created.error());
  const auto position = api.engine.position_of(created->sequence);
  std::string body;
  JsonWriter json(body);
  json.open('{').field("key_id", created->key_id).optional_field("secret", asked.issued_secret);
  write_owners(json, [&](Scope scope) { return asked.key.owners[static_cast<std::size_t>(scope)]; });
  json.optional_field("name", asked.key.name);
  write_permissions(json, asked.permissions);
  write_time(json, "expires_at", asked.key.expires_at);
  if (!asked.key.metadata.empty()) json.key("metadata").raw(asked.key.metadata);
  json.key("created_at").time(created->at).field("position", to_string(position)).close('}');
  set_position(call.response(), position);
  call.response().header("Location", "/v1/keys/" + created->key_id).header("Cache-Control", "no-store");
  call.response().send_json(201, body);
  return {created->sequence, {}};
}

Outcome show_key(Api& api, Call& call) {
  const auto found = api.engine.describe(call.parameters[0], engine::now_unix_ms());
  if (!found) return refuse(call, found.error());
  if (!call.principal.reach.covers(found->decision.owners)) return refuse(call, errc::not_found);
  std::string body;
  JsonWriter json(body);
  json.open('{').field("key_id", found->decision.key_id).field("state", to_string(found->decision.state));
  write_owners(json, [&](Scope scope) -> std::string_view { return found->decision.owner(scope); });
  json.optional_field("name", found->name);
  write_permissions(json, found->decision.permissions);
  write_time(json, "expires_at", found->expires_at);
  if (!found->metadata.empty()) json.key("metadata").raw(found->metadata);
  json.key("created_at").time(found->created_at).field("position", to_string(found->created));
  if (found->revocation) {
    write_time(json, "revoked_at", found->revocation->at);
    json.optional_field("reason", found->revocation->reason);
    json.field("revoked_position", to_string(found->revocation->position));
  }
  json.close('}');
  call.response().send_json(200, body);
  return {};
}

Outcome verify_key(Api& api, Call& call) {
  const auto members = read_json_object(call.request().body);
  if (!members || members->size() != 1 || members->front().name != "secret" ||
      members->front().kind != Kind::string) {
    return refuse(call, 400, "malformed", "the body is {\"secret\": \"…\"}");
  }
  thread_local engine::Decision decision;
  const auto& secret = members->front().text;
  const auto verified = api.engine.verify(api.engine.digester()(secret), engine::now_unix_ms(), decision);
  if (!verified) return refuse(call, verified.error());
  if (!call.principal.reach.covers(decision.owners)) decision.state = engine::KeyState::unknown;

  thread_local std::string body;
  body.clear();
  JsonWriter json(body);
  json.open('{').field("active", decision.state == engine::KeyState::active).field("state", to_string(decision.state));
  if (decision.state != engine::KeyState::unknown) {
    json.field("key_id", decision.key_id);
    write_owners(json, [&](Scope scope) -> std::string_view { return decision.owner(scope); });
    write_permissions(json, decision.permissions);
    write_time(json, "expires_at", decision.expires_at);
  }
  json.field("as_of", to_string(decision.as_of)).close('}');
  call.response().header("Cache-Control", "no-store");
  call.response().send_json(200, body);
  return {};
}

}  // namespace revoked::net
