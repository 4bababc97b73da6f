// Suspending, resuming and rotating keys.

#include "engine/model/json_writer.hpp"
#include "net/api/api.hpp"
#include "net/api/reason.hpp"
#include "net/http/members.hpp"

namespace revoked::net {
namespace {

using engine::JsonWriter;
using Kind = JsonMember::Kind;

constexpr std::int64_t max_grace_seconds = 30 * 24 * 3600;

constexpr MemberForm rotation_forms[] = {
    {"grace_seconds", Kind::number, "an integer number of seconds, 0 to 2592000 (30 days)"},
};

using ChangeState = engine::result<engine::ChangedKey> (engine::Engine::*)(std::string_view key_id,
                                                                           std::string_view reason,
                                                                           const engine::Caller& caller);

Outcome change_state(Api& api, Call& call, ChangeState change, std::string_view state,
                     std::string_view verb) {
  Members members;
  if (const auto fault = read_with_reason(members, call.request().body, reason_forms))
    return refuse(call, fault);
  const auto reason = members.text_or_empty("reason");
  const auto changed = (api.engine.*change)(call.parameters[0], reason, call.caller());
  if (!changed) return refuse(call, changed.error());
  const auto position = api.engine.position_of(changed->sequence);
  log_change(call, verb, call.parameters[0], position);
  std::string body;
  JsonWriter(body)
      .open('{')
      .field("key_id", call.parameters[0])
      .field("state", state)
      .field("position", position)
      .close('}');
  set_position(call.response(), position);
  call.response().send_json(200, body);
  return {changed->sequence, {}};
}

}  // namespace

Outcome suspend_key(Api& api, Call& call) {
  return change_state(api, call, &engine::Engine::suspend, "suspended", "key.suspended");
}

Outcome resume_key(Api& api, Call& call) {
  return change_state(api, call, &engine::Engine::resume, "active", "key.resumed");
}

Outcome rotate_key(Api& api, Call& call) {
  Members members;
  if (const auto fault = members.read_optional(call.request().body, rotation_forms))
    return refuse(call, fault);
  const auto* const asked = members.find("grace_seconds");
  const auto grace_seconds = asked == nullptr ? 0 : asked->number;
  if (grace_seconds < 0 || grace_seconds > max_grace_seconds)
    return refuse(call, wrong_value(asked->name, rotation_forms));
  const auto secret = engine::new_secret(api.engine.key_prefix());
  const auto rotated = api.engine.rotate(call.parameters[0], api.engine.digester()(secret),
                                         grace_seconds * 1000, call.caller());
  if (!rotated) return refuse(call, rotated.error());
  const auto position = api.engine.position_of(rotated->sequence);
  log_change(call, "key.rotated", call.parameters[0], position);
  std::string body;
  JsonWriter json(body);
  json.open('{').field("key_id", call.parameters[0]).field("secret", secret).field("state", "active");
  json.key("grace_until").time(rotated->old_ends_at);
  json.field("position", position).close('}');
  set_position(call.response(), position);
  call.response().header("Cache-Control", "no-store");
  call.response().send_json(200, body);
  return {rotated->sequence, {}};
}

}  // namespace revoked::net
