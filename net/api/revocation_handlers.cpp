// Revoking: by id and by owner.

#include <functional>

#include "net/api/api.hpp"
#include "net/api/dry_runs.hpp"
#include "net/api/reason.hpp"
#include "net/api/revocation_writer.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

using engine::errc;
using engine::JsonWriter;
using engine::Scope;

// The same response as the first time.
Task<> answer_again(Api& api, Exchange exchange, std::string asker, std::string key_id,
                    engine::Sequence sequence) {
  if (!co_await wait_until_durable(exchange, sequence)) co_return;
  engine::result<engine::KeyDescription> found = errc::not_ready;
  const std::function<void()> read = [&] { found = api.engine.describe(key_id, engine::now_unix_ms()); };
  if (!co_await read_on_pool(api, exchange, std::move(asker), read)) co_return;
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

Outcome revoke_owner(Api& api, Call& call, Scope scope) {
  std::string reason;
  if (const auto fault = read_reason(call, reason)) return refuse(call, fault);
  if (call.query.is_true("dry_run")) return try_revoking_owner(api, call, scope);
  const auto& id = call.parameters[0];
  api.single_revocations->note();
  const auto revoked = api.engine.revoke_owner(scope, id, reason, call.caller());
  if (!revoked) return refuse(call, revoked.error());
  const auto position = api.engine.position_of(revoked->sequence);
  log_change(call, "owner.revoked", {scope, id}, position);
  call.exchange.connection.answer_log().field("keys", std::to_string(revoked->keys));
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
  api.single_revocations->note();
  const auto revoked = api.engine.revoke(key_id, reason, call.caller());
  if (!revoked) return refuse(call, revoked.error());
  const auto position = api.engine.position_of(revoked->sequence);
  log_change(call, "key.revoked", key_id, position, revoked->already);
  if (revoked->already && call.response().is_accept_only() && revoked->sequence > api.engine.durable()) {
    std::string known;
    JsonWriter known_json(known);
    write_revoked_before(known_json, key_id, position);
    set_position(call.response(), position);
    call.response().send_json(200, known);
    return {revoked->sequence, {}};
  }
  if (revoked->already)
    return {0, answer_again(api, call.exchange, asker_of(call.principal), key_id, revoked->sequence)};
  thread_local std::string body;
  body.clear();
  JsonWriter json(body);
  write_revoked(json, key_id, revoked->at, reason, position);
  set_position(call.response(), position);
  call.response().send_json(200, body);
  return {revoked->sequence, {}};
}

Outcome revoke_user(Api& api, Call& call) { return revoke_owner(api, call, Scope::user); }
Outcome revoke_application(Api& api, Call& call) { return revoke_owner(api, call, Scope::application); }
Outcome revoke_workspace(Api& api, Call& call) { return revoke_owner(api, call, Scope::workspace); }

}  // namespace revoked::net
