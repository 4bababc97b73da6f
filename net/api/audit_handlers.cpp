// GET /v1/audit: the journal for people.

#include "cache/bus/message_encoder.hpp"
#include "engine/model/json_writer.hpp"
#include "net/api/api.hpp"
#include "net/api/key_writer.hpp"
#include "net/http/json_reader.hpp"
#include "net/http/problem.hpp"

namespace revoked::net {
namespace {

using engine::EventType;
using engine::EventView;
using engine::Field;
using engine::JsonWriter;

constexpr std::size_t default_page_entries = 100;

std::string_view verb_of(EventType type) {
  switch (type) {
    case EventType::epoch_started:
      return "engine.started";
    case EventType::key_created:
      return "key.created";
    case EventType::key_revoked:
      return "key.revoked";
    case EventType::owner_revoked:
      return "owner.revoked";
    case EventType::owner_locked:
      return "owner.locked";
    case EventType::owner_unlocked:
      return "owner.unlocked";
    case EventType::key_suspended:
      return "key.suspended";
    case EventType::key_resumed:
      return "key.resumed";
    case EventType::key_rotated:
      return "key.rotated";
    case EventType::key_changed:
      return "key.changed";
    case EventType::attempt_refused:
      return "attempt.refused";
    case EventType::keys_forgotten:
      return "keys.forgotten";
    case EventType::key_used_after_revocation:
      return "key.used_after_revocation";
    case EventType::reply_kept:
      return "reply.kept";
  }
  return "unknown";  // written by a newer engine
}

// A token and a key may have the same name: the kind distinguishes them. Empty: unknown.
std::string_view kind_of(const EventView& event) {
  const auto kind = event[Field::actor_kind];
  return kind.size() == 1 ? to_string(static_cast<engine::ActorKind>(kind.front())) : std::string_view();
}

// Text that was cut to its limit may end within a character.
void write_text(JsonWriter& json, std::string_view name, std::string_view text) {
  while (!text.empty() && !is_utf8(text)) text.remove_suffix(1);
  json.optional_field(name, text);
}

// What an edit set; null: removed.
void write_edit(JsonWriter& json, const EventView& event) {
  json.key("changed").open('{');
  if (is_edited(event, Field::name)) {
    if (event[Field::name].empty()) json.key("name").null();
    write_text(json, "name", event[Field::name]);
  }
  if (is_edited(event, Field::expires_at))
    write_time(json, "expires_at", engine::decode_i64(event[Field::expires_at], 0));
  if (is_edited(event, Field::permissions)) write_permissions(json, event[Field::permissions]);
  if (is_edited(event, Field::metadata)) {
    const auto metadata = event[Field::metadata];
    json.key("metadata").raw(metadata.empty() ? "null" : metadata);
  }
  json.close('}');
}

// `used`: since the entry before for this key and gateway.
void write_denied_use(JsonWriter& json, const EventView& event) {
  write_text(json, "gateway", event[Field::gateway]);
  json.key("used");
  write_attempts(json, engine::decode_attempts(event[Field::attempts]));
  json.close('}').key("used_in_all");
  write_attempts(json, engine::decode_attempts(event[Field::all_attempts]));
  json.close('}');
}

// Never the digest.
void write_entry(JsonWriter& json, engine::Position position, const EventView& event) {
  json.open('{').field("position", position).key("at").time(event.at);
  json.field("verb", verb_of(event.type));
  write_text(json, "actor", event[Field::actor]);
  json.optional_field("actor_kind", kind_of(event));
  write_text(json, "address", event[Field::address]);
  write_text(json, "request_id", event[Field::request_id]);
  write_text(json, "key_id", event[Field::key_id]);
  if (const auto scope = event[Field::owner_scope]; scope.size() == 1) {
    json.field("scope", to_string(static_cast<engine::Scope>(scope.front())));
    write_text(json, "id", event[Field::owner_id]);
    cache::write_within(json, event);
  } else {
    for (const auto each : engine::all_scopes) write_text(json, to_string(each), event[owner_field(each)]);
  }
  write_text(json, "reason", event[Field::reason]);
  if (event.type == EventType::key_changed) write_edit(json, event);
  if (event.type == EventType::key_used_after_revocation) write_denied_use(json, event);
  json.close('}');
}

Task<> answer_audit(Api& api, Exchange exchange, std::string asker, engine::AuditQuery query,
                    engine::Reach reach) {
  query.reach = &reach;
  engine::result<engine::AuditPage> page = engine::errc::not_ready;
  std::string body;
  JsonWriter json(body);
  json.open('{').key("entries").open('[');
  const std::function<void()> read = [&] {
    page = api.engine.audit(query, [&](engine::Sequence sequence, const EventView& event) {
      write_entry(json, api.engine.position_of(sequence), event);
    });
  };
  if (!co_await read_on_pool(api, exchange, std::move(asker), read)) co_return;
  if (!page) {
    send_problem(exchange.response, page.error());
    co_return;
  }
  json.close(']').field("position", api.engine.position_of(page->position)).field("more", page->more);
  json.close('}');
  exchange.response.send_json(200, body);
}

}  // namespace

Outcome show_audit(Api& api, Call& call) {
  engine::AuditQuery query;
  query.limit = limit_of(call.query, default_page_entries);
  query.key_id = call.query.value_or_empty("key_id");
  query.actor = call.query.value_or_empty("actor");
  query.user = call.query.value_or_empty("user");
  if (const auto after = engine::parse_position(call.query.value_or_empty("after"))) {
    if (!api.engine.can_continue(*after, api.engine.durable()))
      return refuse(call, engine::errc::position_gone);
    query.after = after->sequence;
  }
  return {0,
          answer_audit(api, call.exchange, asker_of(call.principal), std::move(query), call.principal.reach)};
}

}  // namespace revoked::net
