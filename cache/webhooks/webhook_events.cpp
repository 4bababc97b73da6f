#include "cache/webhooks/webhook_events.hpp"

#include "cache/bus/message_encoder.hpp"
#include "engine/base/digest.hpp"
#include "engine/model/ids.hpp"
#include "engine/model/json_writer.hpp"
#include "engine/model/policy.hpp"
#include "engine/model/usage.hpp"

namespace revoked::cache {
namespace {

using engine::Field;
using engine::JsonWriter;

std::string random_id() { return "msg_" + engine::new_random_id(); }

std::string_view last_word(std::string_view name) { return name.substr(name.rfind('.') + 1); }

void open_body(JsonWriter& json, std::string_view type, engine::UnixMs at) {
  json.open('{').field("type", type).key("timestamp").time(at);
  json.key("data").open('{');
}

}  // namespace

std::optional<std::size_t> webhook_event_of(std::string_view name) {
  for (std::size_t i = 0; i < webhook_events.size(); ++i) {
    if (webhook_events[i].name == name) return i;
  }
  return {};
}

bool is_told_as(std::size_t event, const engine::EventView& view) {
  const auto& [name, type, with] = webhook_events[event];
  return type == view.type && (!with || !view[*with].empty());
}

WebhookMessage webhook_message(const engine::Engine& engine, engine::Sequence sequence, std::size_t event,
                               const engine::EventView& view) {
  const auto position = engine.position_of(sequence);
  WebhookMessage message;
  message.id.append("msg_")
      .append(engine.journal_id_of(position.epoch))
      .append("_")
      .append(to_string(position));
  if (webhook_events[event].with) message.id.append("_").append(last_word(webhook_events[event].name));
  JsonWriter json(message.body);
  open_body(json, webhook_events[event].name, view.at);
  json.field("position", position);
  if (const auto scope = view[Field::owner_scope]; scope.size() == 1) {
    json.field("scope", to_string(static_cast<engine::Scope>(scope.front())));
    append_text_field(json, "id", view[Field::owner_id]);
    write_within(json, view);
  } else {
    append_text_field(json, "key_id", view[Field::key_id]);
    for (const auto each : engine::all_scopes)
      append_text_field(json, to_string(each), view[owner_field(each)]);
  }
  if (view.type == engine::EventType::key_used_after_revocation) {
    append_text_field(json, "gateway", view[Field::gateway]);
    const auto attempts = engine::decode_attempts(view[Field::attempts]);
    json.field("count", attempts.count);
    json.key("first_at").time(attempts.first_at).key("last_at").time(attempts.last_at);
  }
  append_text_field(json, "reason", view[Field::reason]);
  append_text_field(json, "actor", view[Field::actor]);
  if (const auto kind = view[Field::actor_kind]; kind.size() == 1)
    json.optional_field("actor_kind", to_string(static_cast<engine::ActorKind>(kind.front())));
  append_text_field(json, "request_id", view[Field::request_id]);
  json.close('}').close('}');
  return message;
}

WebhookMessage expiry_message(const engine::Engine& engine, std::size_t event,
                              const engine::KeyDescription& key) {
  const auto& decision = key.decision;
  const auto name = webhook_events[event].name;
  WebhookMessage message;
  // A key id may be long, and have any visible character.
  message.id.append("msg_")
      .append(engine.journal_id_of(key.created.epoch))
      .append("_")
      .append(engine::to_hex(engine::sha256(decision.key_id)).substr(0, 32))
      .append("_")
      .append(std::to_string(decision.expires_at))
      .append("_")
      .append(last_word(name));
  JsonWriter json(message.body);
  open_body(json, name, event == key_expired_event ? decision.expires_at : engine::now_unix_ms());
  append_text_field(json, "key_id", decision.key_id);
  for (const auto each : engine::all_scopes) append_text_field(json, to_string(each), decision.owner(each));
  append_text_field(json, "name", key.name);
  json.key("expires_at").time(decision.expires_at);
  json.close('}').close('}');
  return message;
}

WebhookMessage gateway_stale_message(const GatewayRegistry::Gateway& gateway) {
  WebhookMessage message{random_id(), {}};
  JsonWriter json(message.body);
  open_body(json, webhook_events[gateway_stale_event].name, engine::now_unix_ms());
  json.field("gateway", std::string_view(gateway.report.gateway));
  json.field("state", gateway.is_gone ? "gone" : "stale").field("position", gateway.report.applied);
  json.key("reported_at").time(engine::wall_time_at(gateway.reported));
  json.close('}').close('}');
  return message;
}

WebhookMessage test_message() {
  WebhookMessage message{random_id(), {}};
  JsonWriter json(message.body);
  open_body(json, "webhook.test", engine::now_unix_ms());
  json.close('}').close('}');
  return message;
}

}  // namespace revoked::cache
