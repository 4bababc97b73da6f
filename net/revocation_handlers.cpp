// Revoking: by id, by what leaked, by owner.

#include <algorithm>

#include "cache/json_writer.hpp"
#include "net/api.hpp"
#include "net/json_reader.hpp"
#include "net/network_thread.hpp"
#include "net/problem.hpp"

namespace revoked::net {
namespace {

using cache::JsonWriter;
using engine::errc;
using engine::Scope;
using Kind = JsonMember::Kind;

constexpr std::size_t max_secrets = 1000;  // in one request

// The reason, from ?reason= or a JSON body {"reason": …}. False: malformed.
bool read_reason(const Request& request, std::string& reason) {
  if (auto value = query_value(request.query, "reason")) reason = std::move(*value);
  if (!is_utf8(reason)) return false;
  if (request.body.empty()) return reason.size() <= engine::max_reason_size;
  const auto members = read_json_object(request.body);
  if (!members) return false;
  for (const auto& member : *members) {
    if (member.name != "reason" || (member.kind != Kind::string && member.kind != Kind::null)) return false;
    reason = member.text;
  }
  return reason.size() <= engine::max_reason_size;
}

void write_revoked(JsonWriter& json, std::string_view key_id, engine::UnixMs at, std::string_view reason,
                   engine::Position position) {
  json.open('{').field("key_id", key_id).field("state", "revoked").key("revoked_at").time(at);
  if (reason.empty()) {
    json.key("reason").null();
  } else {
    json.field("reason", reason);
  }
  json.field("position", position).close('}');
}

// As far as it is known without waiting for the disk.
void write_known(JsonWriter& json, Api& api, const std::string& key_id, engine::Sequence sequence) {
  const auto found = api.engine.describe(key_id, engine::now_unix_ms());
  if (found && found->revocation && found->revocation->at != 0) {
    const auto& known = *found->revocation;
    return write_revoked(json, key_id, known.at, known.reason, known.position);
  }
  json.open('{').field("key_id", key_id).field("state", "revoked");
  json.field("position", api.engine.position_of(sequence)).close('}');
}

// Waits for the disk inside a handler. If it fails, silence says "unknown" (P9).
Task<bool> settle(Exchange exchange, engine::Sequence sequence) {
  const bool durable = co_await exchange.connection.thread().durable(sequence);
  if (!durable) {
    exchange.response.close_after();
    exchange.connection.close();
  }
  co_return durable;
}

// The same answer as the first time.
Task<> answer_again(Api& api, Exchange exchange, std::string key_id, engine::Sequence sequence) {
  if (!co_await settle(exchange, sequence)) co_return;
  const auto found = api.engine.describe(key_id, engine::now_unix_ms());
  if (!found || !found->revocation) {
    send_problem(exchange.response, found ? errc::not_found : found.error());
    co_return;
  }
  std::string body;
  JsonWriter json(body);
  write_revoked(json, key_id, found->revocation->at, found->revocation->reason, found->revocation->position);
  set_position(exchange.response, found->revocation->position);
  exchange.response.send_json(200, body);
}

Task<> answer_secrets(Api& api, Exchange exchange, std::vector<std::string> key_ids,
                      engine::Sequence sequence) {
  if (!co_await settle(exchange, sequence)) co_return;
  std::string body;
  JsonWriter json(body);
  json.open('{').key("results").open('[');
  for (const auto& key_id : key_ids) {
    if (key_id.empty()) {
      json.open('{').field("state", "unknown").close('}');
      continue;
    }
    const auto found = api.engine.describe(key_id, engine::now_unix_ms());
    if (!found || !found->revocation) {
      json.open('{').field("key_id", key_id).field("state", "unknown").close('}');
      continue;
    }
    write_revoked(json, key_id, found->revocation->at, found->revocation->reason,
                  found->revocation->position);
  }
  const auto position = api.engine.position_of(sequence);
  json.close(']').field("position", position).close('}');
  set_position(exchange.response, position);
  exchange.response.send_json(200, body);
}

Outcome accept_secrets(Api& api, Call& call, const std::vector<std::string>& key_ids,
                       const std::vector<engine::Sequence>& by, engine::Sequence last) {
  std::string body;
  JsonWriter json(body);
  json.open('{').key("results").open('[');
  for (std::size_t i = 0; i < key_ids.size(); ++i) {
    if (key_ids[i].empty())
      json.open('{').field("state", "unknown").close('}');
    else
      write_known(json, api, key_ids[i], by[i]);
  }
  const auto position = api.engine.position_of(last);
  json.close(']').field("position", position).close('}');
  set_position(call.response(), position);
  call.response().send_json(200, body);
  return {last, {}};
}

// The secrets that a member names, in clear or as their SHA-256. False: it is none that does, or malformed.
bool take_secrets(const JsonMember& member, const engine::Digester& digester,
                  std::vector<engine::Digest>& digests) {
  const bool one = member.kind == Kind::string && (member.name == "secret" || member.name == "secret_sha256");
  const bool many =
      member.kind == Kind::strings && (member.name == "secrets" || member.name == "secrets_sha256");
  if (!one && !many) return false;
  const bool is_hashed = member.name.ends_with("_sha256");
  const auto take = [&](const std::string& text) {
    const auto sha256 = is_hashed ? engine::digest_from_hex(text) : std::optional(engine::sha256(text));
    if (sha256) digests.push_back(digester.of_sha256(*sha256));
    return sha256.has_value();
  };
  return one ? take(member.text) : std::all_of(member.strings.begin(), member.strings.end(), take);
}

Outcome revoke_owner(Api& api, Call& call, Scope scope) {
  std::string reason;
  if (!read_reason(call.request(), reason)) return refuse(call, errc::invalid_field);
  const auto& id = call.parameters[0];
  const auto revoked = api.engine.revoke_owner(scope, id, reason, call.caller());
  if (!revoked) return refuse(call, revoked.error());
  const auto position = api.engine.position_of(revoked->sequence);
  std::string body;
  JsonWriter json(body);
  json.open('{').field("scope", to_string(scope)).field("id", id).field("revoked", revoked->keys);
  json.field("position", position).close('}');
  set_position(call.response(), position);
  call.response().send_json(200, body);
  return {revoked->sequence, {}};
}

}  // namespace

Outcome revoke_key(Api& api, Call& call) {
  std::string reason;
  if (!read_reason(call.request(), reason)) return refuse(call, errc::invalid_field);
  const auto& key_id = call.parameters[0];
  const auto revoked = api.engine.revoke(key_id, reason, call.caller());
  if (!revoked) return refuse(call, revoked.error());
  if (revoked->already && call.response().is_accept_only()) {
    std::string known;
    JsonWriter known_json(known);
    write_known(known_json, api, key_id, revoked->sequence);
    set_position(call.response(), api.engine.position_of(revoked->sequence));
    call.response().send_json(200, known);
    return {revoked->sequence, {}};
  }
  if (revoked->already) return {0, answer_again(api, call.exchange, key_id, revoked->sequence)};
  const auto position = api.engine.position_of(revoked->sequence);
  thread_local std::string body;
  body.clear();
  JsonWriter json(body);
  write_revoked(json, key_id, revoked->at, reason, position);
  set_position(call.response(), position);
  call.response().send_json(200, body);
  return {revoked->sequence, {}};
}

Outcome revoke_secrets(Api& api, Call& call) {
  auto members = read_json_object(call.request().body);
  if (!members) return refuse(call, 400, "malformed", "the body is not one JSON object");
  std::vector<engine::Digest> digests;
  std::string reason;
  for (auto& member : *members) {
    if (take_secrets(member, api.engine.digester(), digests)) continue;
    if (member.name == "reason" && member.kind == Kind::string) {
      reason = member.text;
    } else {
      return refuse(
          call, 400, "invalid_field",
          "member \"" + member.name + "\" is unknown, of the wrong type, or no SHA-256 in hexadecimal");
    }
  }
  if (digests.empty() || digests.size() > max_secrets) {
    return refuse(call, 400, "invalid_field",
                  "give secret or secret_sha256, or 1 to 1000 of them in an array");
  }
  engine::Sequence last = 0;
  std::vector<std::string> key_ids;
  std::vector<engine::Sequence> by;
  for (const auto& digest : digests) {
    const auto revoked = api.engine.revoke(digest, reason, call.caller());
    if (!revoked && revoked.error() != errc::not_found) return refuse(call, revoked.error());
    const auto key_id = api.engine.key_id_of(digest);
    key_ids.push_back(revoked && key_id ? *key_id : std::string());
    by.push_back(revoked ? revoked->sequence : 0);
    last = std::max(last, by.back());
  }
  if (last == 0) last = api.engine.durable();
  if (call.response().is_accept_only()) return accept_secrets(api, call, key_ids, by, last);
  return {0, answer_secrets(api, call.exchange, std::move(key_ids), last)};
}

Outcome revoke_user(Api& api, Call& call) { return revoke_owner(api, call, Scope::user); }
Outcome revoke_application(Api& api, Call& call) { return revoke_owner(api, call, Scope::application); }
Outcome revoke_workspace(Api& api, Call& call) { return revoke_owner(api, call, Scope::workspace); }

}  // namespace revoked::net
