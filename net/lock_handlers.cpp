// Locking and unlocking owners.

#include "cache/json_writer.hpp"
#include "net/api.hpp"
#include "net/json_reader.hpp"

namespace revoked::net {
namespace {

using cache::JsonWriter;
using engine::Scope;
using Kind = JsonMember::Kind;

struct AskedLock {
  std::string reason;
  engine::UnixMs expires_at = 0;  // 0: none
};

// Why the member is refused; empty: it is taken.
std::string read_member(AskedLock& asked, const JsonMember& member, bool may_end) {
  if (member.name == "reason") {
    if (member.kind != Kind::null && member.kind != Kind::string) return "reason is a text";
    asked.reason = member.text;
    return asked.reason.size() > engine::max_reason_size ? "reason is at most 256 bytes" : "";
  }
  if (!may_end || member.name != "expires_at") return "member \"" + member.name + "\" is unknown";
  if (member.kind == Kind::null) return "";
  const auto at = member.kind == Kind::string ? engine::parse_rfc3339(member.text) : std::nullopt;
  if (!at) return "expires_at is an RFC 3339 time as a text, or null";
  if (*at <= engine::now_unix_ms()) return "expires_at is over: a lock ends later than now";
  asked.expires_at = *at;
  return "";
}

// The optional body {"reason":…,"expires_at":…}, and ?reason=. Refuses what it is not.
std::optional<Outcome> read_asked(Call& call, AskedLock& asked, bool may_end) {
  const auto& request = call.request();
  if (auto reason = query_value(request.query, "reason")) asked.reason = std::move(*reason);
  if (!is_utf8(asked.reason) || asked.reason.size() > engine::max_reason_size)
    return refuse(call, 400, "invalid_field", "reason is at most 256 bytes of UTF-8");
  if (request.body.empty()) return {};
  const auto members = read_json_object(request.body);
  if (!members) return refuse(call, 400, "malformed", "the body is not one JSON object");
  for (const auto& member : *members) {
    if (const auto why = read_member(asked, member, may_end); !why.empty())
      return refuse(call, 400, "invalid_field", why);
  }
  return {};
}

Outcome answer(Api& api, Call& call, Scope scope, const engine::ChangedLock& changed, bool is_locked) {
  const auto position = api.engine.position_of(changed.sequence);
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
  AskedLock asked;
  if (auto refused = read_asked(call, asked, true)) return std::move(*refused);
  api.pace->note();
  const auto locked =
      api.engine.lock_owner(scope, call.parameters[0], asked.expires_at, asked.reason, call.caller());
  return locked ? answer(api, call, scope, *locked, true) : refuse(call, locked.error());
}

Outcome unlock(Api& api, Call& call, Scope scope) {
  AskedLock asked;
  if (auto refused = read_asked(call, asked, false)) return std::move(*refused);
  const auto unlocked = api.engine.unlock_owner(scope, call.parameters[0], asked.reason, call.caller());
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
