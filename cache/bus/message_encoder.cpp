#include "cache/bus/message_encoder.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "engine/base/boot_clock.hpp"
#include "engine/base/time.hpp"

namespace revoked::cache {
namespace {

// A message without its events.
constexpr std::size_t message_frame_bytes = 4 << 10;

bool invalidates(engine::EventType type) {
  switch (type) {
    case engine::EventType::epoch_started:
    case engine::EventType::key_created:
    case engine::EventType::key_resumed:
    case engine::EventType::attempt_refused:
    case engine::EventType::keys_forgotten:
    case engine::EventType::key_used_after_revocation:
    case engine::EventType::reply_kept:
      return false;
    default:
      return true;  // including events of a newer engine
  }
}

// Upper bound as JSON: six bytes for each byte that needs an escape.
std::size_t most_bytes_of(const engine::EventView& event) {
  std::size_t bytes = 512;
  using engine::Field;
  for (const auto field :
       {Field::key_id, Field::user, Field::application, Field::workspace, Field::owner_id, Field::reason})
    bytes += 6 * event[field].size();
  return bytes;
}

void append_unknown(engine::JsonWriter& json, Sequence sequence) {
  json.open('{').field("sequence", sequence).field("type", "unknown").close('}');
}

// Whether every reader accepts the event's ids: an invalid id would make the whole message unreadable.
bool has_readable_ids(const engine::EventView& event) {
  using engine::Field;
  for (const auto owner : {event[Field::user], event[Field::application], event[Field::workspace]}) {
    if (!owner.empty() && !engine::is_owner_id(owner)) return false;
  }
  return engine::is_of_owner(event.type) ? engine::is_owner_id(event[Field::owner_id])
                                         : engine::is_key_id(event[Field::key_id]);
}

std::string_view type_of(engine::EventType type) {
  switch (type) {
    case engine::EventType::owner_revoked:
      return "owner.revoked";
    case engine::EventType::owner_locked:
      return "owner.locked";
    case engine::EventType::owner_unlocked:
      return "owner.unlocked";
    default:
      return "unknown";
  }
}

void append_invalidation(engine::JsonWriter& json, Sequence sequence, const engine::EventView& event) {
  using engine::Field;
  if (!has_readable_ids(event)) return append_unknown(json, sequence);
  switch (event.type) {
    case engine::EventType::key_suspended:
    case engine::EventType::key_rotated:
    case engine::EventType::key_changed:
      json.open('{').field("sequence", sequence);
      json.field("type", event.type == engine::EventType::key_suspended ? "key.suspended" : "key.changed");
      json.field("key_id", event[Field::key_id]);
      break;
    case engine::EventType::key_revoked:
      json.open('{').field("sequence", sequence).field("type", "key.revoked");
      json.field("key_id", event[Field::key_id]);
      json.optional_field("user", event[Field::user]);
      json.optional_field("application", event[Field::application]);
      json.optional_field("workspace", event[Field::workspace]);
      break;
    case engine::EventType::owner_revoked:
    case engine::EventType::owner_locked:
    case engine::EventType::owner_unlocked: {
      const auto scope = event[Field::owner_scope];
      const std::size_t number = scope.size() == 1 ? static_cast<std::uint8_t>(scope[0]) : std::uint8_t{0xff};
      json.open('{').field("sequence", sequence).field("type", type_of(event.type));
      json.field("scope",
                 number < engine::all_scopes.size() ? to_string(static_cast<Scope>(number)) : "unknown");
      json.field("id", event[Field::owner_id]);
      write_within(json, event);
      if (const auto until = engine::decode_i64(event[Field::expires_at], 0); until != 0)
        json.key("expires_at").time(until);
      break;
    }
    default:
      // Written by a newer engine: gateways must not rely on its meaning.
      return append_unknown(json, sequence);
  }
  append_text_field(json, "reason", event[Field::reason]);
  json.close('}');
}

engine::JsonWriter& open_message(engine::JsonWriter& json, Epoch epoch, Sequence first, Sequence last,
                                 const Stamp& stamp) {
  json.open('{').optional_field("journal", stamp.journal);
  json.field("epoch", epoch).field("first", first).field("last", last);
  json.key("at").time(stamp.at);
  if (stamp.up) json.field("up", *stamp.up).optional_field("clock", stamp.clock);
  if (stamp.report_ms) json.field("report_ms", *stamp.report_ms);
  return json.key("events");
}

}  // namespace

Stamp stamp_at(std::string_view journal, engine::BootClock::time_point at) {
  return {journal, engine::wall_time_at(at), engine::running_ms_at(at), {}, clock_id()};
}

std::string_view clock_id() {
  static const auto id = engine::new_random_id();
  return id;
}

void append_text_field(engine::JsonWriter& json, std::string_view name, std::string_view text) {
  if (simdjson::validate_utf8(text)) {
    json.optional_field(name, text);
    return;
  }
  std::string readable(text);
  for (char& c : readable) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  json.field(name, std::string_view(readable));
}

void write_within(engine::JsonWriter& json, const engine::EventView& event) {
  const auto owners = owners_of(event);
  const auto count = std::count_if(owners.begin(), owners.end(), [](auto id) { return !id.empty(); });
  if (count == 0) return;
  json.key("within");
  if (count > 1) json.open('[');
  for (const auto scope : engine::all_scopes) {
    const auto id = owners[static_cast<std::size_t>(scope)];
    if (!id.empty()) json.open('{').field("scope", to_string(scope)).field("id", id).close('}');
  }
  if (count > 1) json.close(']');
}

std::vector<EncodedMessage> encode_messages(const engine::BatchView& batch, const Stamp& stamp) {
  constexpr auto max_events_bytes = engine::max_message_bytes - message_frame_bytes;
  thread_local std::string events;  // keeps its capacity: one exact allocation per message
  std::optional<engine::JsonWriter> json;
  std::vector<EncodedMessage> messages;
  auto first = batch.first();
  const auto begin = [&] {
    events.clear();
    json.emplace(events).open('[');
  };
  const auto end = [&](Sequence last) {
    json->close(']');
    auto& text = messages.emplace_back(EncodedMessage{first, last, {}}).text;
    text.reserve(events.size() + 256);
    engine::JsonWriter message(text);
    open_message(message, batch.epoch(), first, last, stamp).raw(events).close('}');
    first = last + 1;
  };
  begin();
  auto visited = batch.first();
  const bool whole = batch.for_each([&](Sequence sequence, const engine::EventView& event) {
    visited = sequence + 1;
    if (!invalidates(event.type)) return;
    const auto most = most_bytes_of(event);
    if (sequence != first && events.size() + most > max_events_bytes) {
      end(sequence - 1);
      begin();
    }
    if (most > max_events_bytes) return append_unknown(*json, sequence);
    append_invalidation(*json, sequence, event);
  });
  // An unreadable event may be a revocation: make the gateways flush.
  if (!whole && visited <= batch.last()) append_unknown(*json, visited);
  end(batch.last());
  return messages;
}

std::string encode_heartbeat(Epoch epoch, Sequence last, const Stamp& stamp) {
  std::string message;
  message.reserve(160);
  engine::JsonWriter json(message);
  open_message(json, epoch, last + 1, last, stamp).raw("[]").close('}');
  return message;
}

}  // namespace revoked::cache
