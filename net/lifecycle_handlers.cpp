// Suspending, resuming and rotating keys.

#include "cache/json_writer.hpp"
#include "net/api.hpp"
#include "net/json_reader.hpp"

namespace revoked::net {
namespace {

using cache::JsonWriter;
using engine::errc;
using Kind = JsonMember::Kind;

constexpr std::int64_t max_grace_seconds = 30 * 24 * 3600;

struct Asked {
  std::string reason;
  std::int64_t grace_seconds = 0;
};

// The optional body of these calls. False: malformed.
bool read_asked(const Request& request, Asked& asked) {
  if (request.body.empty()) return true;
  const auto members = read_json_object(request.body);
  if (!members) return false;
  for (const auto& member : *members) {
    if (member.name == "reason" && member.kind == Kind::string) {
      asked.reason = member.text;
    } else if (member.name == "grace_seconds" && member.kind == Kind::number) {
      asked.grace_seconds = member.number;
    } else {
      return false;
    }
  }
  return asked.grace_seconds >= 0 && asked.grace_seconds <= max_grace_seconds;
}

Outcome answer_state(Api& api, Call& call, const engine::result<engine::ChangedKey>& changed,
                     std::string_view state) {
  if (!changed) return refuse(call, changed.error());
  const auto position = api.engine.position_of(changed->sequence);
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
  Asked asked;
  if (!read_asked(call.request(), asked)) return refuse(call, errc::invalid_field);
  return answer_state(api, call, api.engine.suspend(call.parameters[0], asked.reason, call.caller()),
                      "suspended");
}

Outcome resume_key(Api& api, Call& call) {
  Asked asked;
  if (!read_asked(call.request(), asked)) return refuse(call, errc::invalid_field);
  return answer_state(api, call, api.engine.resume(call.parameters[0], asked.reason, call.caller()),
                      "active");
}

Outcome rotate_key(Api& api, Call& call) {
  Asked asked;
  if (!read_asked(call.request(), asked)) return refuse(call, errc::invalid_field);
  const auto secret = engine::new_secret(api.engine.key_prefix());
  const auto rotated = api.engine.rotate(call.parameters[0], api.engine.digester()(secret),
                                         asked.grace_seconds * 1000, call.caller());
  if (!rotated) return refuse(call, rotated.error());
  const auto position = api.engine.position_of(rotated->sequence);
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
