#include "net/api/dry_runs.hpp"

#include "engine/model/json_writer.hpp"

namespace revoked::net {
namespace {

using engine::errc;
using engine::JsonWriter;
using engine::Scope;

Outcome send_dry_run(Call& call, JsonWriter& json, const std::string& body) {
  json.field("dry_run", true).close('}');
  call.response().send_json(200, body);
  return {};
}

// One of many, for a dry run.
void write_what_would_be(JsonWriter& json, std::string_view key_id, engine::RevokedMany::Outcome outcome) {
  using Outcome = engine::RevokedMany::Outcome;
  json.optional_field("key_id", outcome == Outcome::not_found ? std::string_view() : key_id);
  if (outcome == Outcome::not_found) json.field("state", "unknown");
  if (outcome == Outcome::already_revoked) json.field("state", "revoked");
  json.field("would_revoke", outcome == Outcome::revoked);
}

}  // namespace

Outcome try_revoking_key(Api& api, Call& call, std::string_view key_id) {
  const engine::AskedRevocation asked{key_id, {}, {}};
  const auto would = api.engine.revoke_many({&asked, 1}, true, call.caller());
  if (!would) return refuse(call, would.error());
  if (would->outcomes.front() == engine::RevokedMany::Outcome::not_found)
    return refuse(call, errc::not_found);
  std::string body;
  JsonWriter json(body);
  json.open('{');
  write_what_would_be(json, key_id, would->outcomes.front());
  return send_dry_run(call, json, body);
}

Outcome try_revoking_secrets(Api& api, Call& call, std::span<const engine::Digest> digests) {
  std::string body;
  JsonWriter json(body);
  json.open('{').key("results").open('[');
  for (const auto& digest : digests) {
    const engine::AskedRevocation asked{{}, digest, {}};
    const auto would = api.engine.revoke_many({&asked, 1}, true, call.caller());
    if (!would && would.error() == errc::not_recalled) continue;
    if (!would) return refuse(call, would.error());
    const auto key_id = api.engine.key_id_of(digest, call.caller());
    json.open('{');
    write_what_would_be(json, key_id ? *key_id : std::string(), would->outcomes.front());
    json.close('}');
  }
  if (call.recalled.is_wanting()) return refuse(call, errc::not_recalled);
  json.close(']');
  return send_dry_run(call, json, body);
}

Outcome try_revoking_owner(Api& api, Call& call, Scope scope) {
  const auto& id = call.parameters[0];
  const auto counted = api.engine.count_revocable(scope, id, call.caller());
  if (!counted) return refuse(call, counted.error());
  std::string body;
  JsonWriter json(body);
  json.open('{').field("scope", to_string(scope)).field("id", id).field("revoked", *counted);
  return send_dry_run(call, json, body);
}

}  // namespace revoked::net
