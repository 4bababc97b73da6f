// Locking and unlocking owners.

#include "engine/model/json_writer.hpp"
#include "net/api/api.hpp"
#include "net/api/reason.hpp"
#include "net/http/members.hpp"

namespace revoked::net {
namespace {

using engine::JsonWriter;
using engine::Scope;
using Kind = JsonMember::Kind;

constexpr MemberForm lock_forms[] = {
    {"reason", Kind::string, reason_form},
    {"expires_at", Kind::string, "a time later than now as in RFC 3339: when the lock ends"},
};

// 0: the lock has no end.
Fault read_end(const Members& members, engine::UnixMs& expires_at) {
  const auto* const member = members.find("expires_at");
  if (member == nullptr) return {};
  const auto at = engine::parse_rfc3339(member->text);
  if (!at || *at <= engine::now_unix_ms()) return wrong_value(member->name, lock_forms);
  expires_at = *at;
  return {};
}

Outcome answer(Api& api, Call& call, Scope scope, const engine::ChangedLock& changed, bool is_locked) {
  const auto position = api.engine.position_of(changed.sequence);
  log_change(call, is_locked ? "owner.locked" : "owner.unlocked", {scope, call.parameters[0]}, position);
  std::string body;
  JsonWriter json(body);
  json.open('{').field("scope", to_string(scope)).field("id", call.parameters[0]).field("locked", is_locked);
  if (is_locked && changed.until == 0) json.key("expires_at").null();
  if (is_locked && changed.until != 0) json.key("expires_at").time(changed.until);
  json.field("position", position).close('}');
  set_position(call.response(), position);
  call.response().send_json(200, body);
  return {changed.sequence, {}};
}

Outcome lock(Api& api, Call& call, Scope scope) {
  Members members;
  std::string reason;
  if (const auto fault = read_reason(call, members, lock_forms, reason)) return refuse(call, fault);
  engine::UnixMs expires_at = 0;
  if (const auto fault = read_end(members, expires_at)) return refuse(call, fault);
  api.single_revocations->note();
  const auto locked = api.engine.lock_owner(scope, call.parameters[0], expires_at, reason, call.caller());
  return locked ? answer(api, call, scope, *locked, true) : refuse(call, locked.error());
}

Outcome unlock(Api& api, Call& call, Scope scope) {
  std::string reason;
  if (const auto fault = read_reason(call, reason)) return refuse(call, fault);
  const auto unlocked = api.engine.unlock_owner(scope, call.parameters[0], reason, call.caller());
  return unlocked ? answer(api, call, scope, *unlocked, false) : refuse(call, unlocked.error());
}

}  // namespace

Outcome lock_user(Api& api, Call& call) { return lock(api, call, Scope::user); }
Outcome lock_application(Api& api, Call& call) { return lock(api, call, Scope::application); }
Outcome lock_workspace(Api& api, Call& call) { return lock(api, call, Scope::workspace); }
Outcome unlock_user(Api& api, Call& call) { return unlock(api, call, Scope::user); }
Outcome unlock_application(Api& api, Call& call) { return unlock(api, call, Scope::application); }
Outcome unlock_workspace(Api& api, Call& call) { return unlock(api, call, Scope::workspace); }

}  // namespace revoked::net
