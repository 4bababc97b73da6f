#include "net/api/key_writer.hpp"

#include "engine/model/permissions.hpp"

namespace revoked::net {

using engine::JsonWriter;

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

void write_attempts(JsonWriter& json, const engine::Attempts& attempts) {
  json.open('{').field("count", attempts.count);
  json.key("first_at").time(attempts.first_at).key("last_at").time(attempts.last_at);
}

void write_key(JsonWriter& json, const engine::KeyDescription& key) {
  json.open('{').field("key_id", key.decision.key_id).field("state", to_string(key.decision.state));
  write_owners(json, [&](engine::Scope scope) -> std::string_view { return key.decision.owner(scope); });
  json.optional_field("name", key.name);
  write_permissions(json, key.decision.permissions);
  write_time(json, "expires_at", key.expires_at);
  if (!key.metadata.empty()) json.key("metadata").raw(key.metadata);
  json.key("created_at").time(key.created_at).field("position", key.created);
  json.key("secrets").open('[');
  for (const auto& secret : key.secrets) {
    json.open('{').field("position", secret.position);
    write_time(json, "ends_at", secret.ends_at);
    json.close('}');
  }
  json.close(']');
  if (key.revocation) {
    write_time(json, "revoked_at", key.revocation->at);
    json.optional_field("reason", key.revocation->reason);
    json.field("revoked_position", key.revocation->position);
  }
  if (key.last_used_at != 0) json.key("last_used_at").time(key.last_used_at);
  if (key.used_after_revocation) {
    json.key("used_after_revocation");
    write_attempts(json, key.used_after_revocation->attempts);
    json.key("gateways").open('[');
    for (const auto& gateway : key.used_after_revocation->gateways) json.value(std::string_view(gateway));
    json.close(']').close('}');
  }
  json.close('}');
}

}  // namespace revoked::net
