// Revoking: by id, by leaked secret, by owner.

#include <algorithm>
#include <functional>
#include <span>

#include "engine/model/json_writer.hpp"
#include "net/api/api.hpp"
#include "net/api/dry_runs.hpp"
#include "net/api/reason.hpp"
#include "net/api/route_queries.hpp"
#include "net/http/members.hpp"
#include "net/http/network_thread.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

using engine::errc;
using engine::JsonWriter;
using engine::Scope;
using Kind = JsonMember::Kind;

constexpr std::size_t max_secrets = 1000;  // in one request

constexpr MemberForm reason_forms[] = {{"reason", Kind::string, reason_form}};
constexpr MemberForm secrets_forms[] = {
    {"secret", Kind::string, engine::secret_form},
    {"secrets", Kind::strings, "an array of 1 to 1000 secrets"},
    {"secret_sha256", Kind::string, digest_form},
    {"secrets_sha256", Kind::strings, "an array of 1 to 1000 digests, each 64 hexadecimal digits or base64"},
    {"reason", Kind::string, reason_form},
};

Fault read_reason(const Call& call, std::string& reason) {
  Members members;
  return read_reason(call, members, reason_forms, reason);
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

// Waits for the disk inside a handler. If that fails, no response means "unknown" (P9).
Task<bool> wait_until_durable(Exchange exchange, engine::Sequence sequence) {
  const bool durable = co_await exchange.connection.thread().durable(sequence);
  if (!durable) {
    exchange.response.close_after();
    exchange.connection.close();
  }
  co_return durable;
}

// The same response as the first time.
Task<> answer_again(Api& api, Exchange exchange, std::string asker, std::string key_id,
                    engine::Sequence sequence) {
  if (!co_await wait_until_durable(exchange, sequence)) co_return;
  engine::result<engine::KeyDescription> found = errc::not_ready;
  const std::function<void()> read = [&] { found = api.engine.describe(key_id, engine::now_unix_ms()); };
  if (!co_await read_aside(api, exchange, std::move(asker), read)) co_return;
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

// The result for one of many.
struct RevokedSecret {
  std::string key_id;  // empty: no such key
  engine::RevokedKey revoked{};
};

void write_unknown(JsonWriter& json, std::string_view key_id) {
  json.open('{').optional_field("key_id", key_id).field("state", "unknown").close('}');
}

// Needs no disk read for keys that this request has revoked.
void write_secret(JsonWriter& json, const Api& api, const RevokedSecret& secret, std::string_view reason) {
  const auto& [key_id, revoked] = secret;
  if (key_id.empty()) return write_unknown(json, {});
  if (!revoked.already)
    return write_revoked(json, key_id, revoked.at, reason, api.engine.position_of(revoked.sequence));
  const auto found = api.engine.describe(key_id, engine::now_unix_ms());
  if (!found || !found->revocation) return write_unknown(json, key_id);
  const auto& [position, at, known_reason] = *found->revocation;
  write_revoked(json, key_id, at, known_reason, position);
}

// As far as known without reading the disk.
void write_known(JsonWriter& json, const Api& api, const RevokedSecret& secret) {
  json.open('{').field("key_id", secret.key_id).field("state", "revoked");
  json.field("position", api.engine.position_of(secret.revoked.sequence)).close('}');
}

// Completes what `json` has begun in `body`, and sends it.
void send_results(Api& api, Response& response, JsonWriter& json, const std::string& body,
                  engine::Sequence sequence) {
  const auto position = api.engine.position_of(sequence);
  json.close(']').field("position", position).close('}');
  set_position(response, position);
  response.send_json(200, body);
}

Task<> answer_secrets(Api& api, Exchange exchange, std::string asker, std::vector<RevokedSecret> secrets,
                      std::string reason, engine::Sequence sequence) {
  if (!co_await wait_until_durable(exchange, sequence)) co_return;
  std::string body;
  JsonWriter json(body);
  json.open('{').key("results").open('[');
  // In pieces, so that other changes can run in between.
  constexpr std::size_t piece = 100;
  for (std::size_t begin = 0; begin < secrets.size(); begin += piece) {
    const auto these = std::span(secrets).subspan(begin, std::min(piece, secrets.size() - begin));
    const std::function<void()> write = [&] {
      for (const auto& secret : these) write_secret(json, api, secret, reason);
    };
    if (std::ranges::none_of(these, [](const auto& secret) { return secret.revoked.already; }))
      write();
    else if (!co_await read_aside(api, exchange, asker, write))
      co_return;
  }
  send_results(api, exchange.response, json, body, sequence);
}

Outcome accept_secrets(Api& api, Call& call, const std::vector<RevokedSecret>& secrets,
                       std::string_view reason, engine::Sequence last) {
  std::string body;
  JsonWriter json(body);
  json.open('{').key("results").open('[');
  for (const auto& secret : secrets) {
    if (secret.revoked.already)
      write_known(json, api, secret);
    else
      write_secret(json, api, secret, reason);
  }
  send_results(api, call.response(), json, body, last);
  return {last, {}};
}

// The digests of the secrets in a member, given as secrets or as their SHA-256. False: one of them is
// invalid.
bool take_secrets(const JsonMember& member, const engine::Engine& engine,
                  std::vector<engine::Digest>& digests) {
  const auto take = [&](const std::string& text) {
    std::optional<engine::Digest> digest;
    if (!member.name.ends_with("_sha256"))
      digest = engine.digest_of_reported(text);
    else if (const auto sha256 = engine::digest_from_text(engine::reported_secret(text)))
      digest = engine.digester().of_sha256(*sha256);
    if (digest) digests.push_back(*digest);
    return digest.has_value();
  };
  if (member.kind == Kind::string) return take(member.text);
  return std::all_of(member.strings.begin(), member.strings.end(), take);
}

Fault read_secrets(const Call& call, const engine::Engine& engine, std::vector<engine::Digest>& digests,
                   std::string& reason) {
  Members members;
  if (call.request().body.empty())
    return {"malformed", {}, "the body is missing: it must say what to revoke"};
  if (auto fault = read_with_reason(members, call.request().body, secrets_forms)) return fault;
  reason = members.text_or_empty("reason");
  for (const auto& member : members) {
    if (member.name != "reason" && !take_secrets(member, engine, digests))
      return wrong_value(member.name, secrets_forms);
  }
  if (!digests.empty() && digests.size() <= max_secrets) return {};
  return {"invalid_field", "secrets",
          "give secret or secret_sha256, or 1 to 1000 of them in secrets or secrets_sha256"};
}

Outcome revoke_owner(Api& api, Call& call, Scope scope) {
  std::string reason;
  if (const auto fault = read_reason(call, reason)) return refuse(call, fault);
  if (call.query.is_true("dry_run")) return try_revoking_owner(api, call, scope);
  const auto& id = call.parameters[0];
  api.pace->note();
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
  const auto& key_id = call.parameters[0];
  if (!call.request().body.empty() || !call.request().query.empty()) {
    if (const auto fault = read_reason(call, reason)) return refuse(call, fault);
    if (call.query.is_true("dry_run")) return try_revoking_key(api, call, key_id);
  }
  api.pace->note();
  const auto revoked = api.engine.revoke(key_id, reason, call.caller());
  if (!revoked) return refuse(call, revoked.error());
  if (revoked->already && call.response().is_accept_only() && revoked->sequence > api.engine.durable()) {
    std::string known;
    JsonWriter known_json(known);
    write_known(known_json, api, {key_id, *revoked});
    set_position(call.response(), api.engine.position_of(revoked->sequence));
    call.response().send_json(200, known);
    return {revoked->sequence, {}};
  }
  if (revoked->already)
    return {0, answer_again(api, call.exchange, asker_of(call.principal), key_id, revoked->sequence)};
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
  std::vector<engine::Digest> digests;
  std::string reason;
  if (const auto fault = read_secrets(call, api.engine, digests, reason)) return refuse(call, fault);
  if (call.query.is_true("dry_run")) return try_revoking_secrets(api, call, digests);
  engine::Sequence last = 0;
  api.pace->note();
  std::vector<RevokedSecret> results;
  for (const auto& digest : digests) {
    const auto revoked = api.engine.revoke(digest, reason, call.caller());
    if (!revoked && revoked.error() == errc::not_recalled) continue;  // recalled for all of them together
    if (!revoked && revoked.error() != errc::not_found) return refuse(call, revoked.error());
    auto& result = results.emplace_back();
    if (!revoked) continue;
    const auto key_id = api.engine.key_id_of(digest, call.caller());
    if (!key_id) continue;
    result = {*key_id, *revoked};
    last = std::max(last, revoked->sequence);
  }
  if (call.recalled.is_wanting()) return refuse(call, errc::not_recalled);
  if (last == 0) last = api.engine.durable();
  if (call.response().is_accept_only()) return accept_secrets(api, call, results, reason, last);
  return {0, answer_secrets(api, call.exchange, asker_of(call.principal), std::move(results),
                            std::move(reason), last)};
}

Outcome revoke_user(Api& api, Call& call) { return revoke_owner(api, call, Scope::user); }
Outcome revoke_application(Api& api, Call& call) { return revoke_owner(api, call, Scope::application); }
Outcome revoke_workspace(Api& api, Call& call) { return revoke_owner(api, call, Scope::workspace); }

}  // namespace revoked::net
