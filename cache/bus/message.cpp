#include "cache/bus/message.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "engine/base/boot_clock.hpp"
#include "engine/model/json_writer.hpp"

namespace revoked::cache {
namespace {

namespace ondemand = simdjson::ondemand;
using engine::errc;

constexpr std::size_t max_decoded_bytes = 1 << 20;
constexpr std::uint64_t max_number = std::numeric_limits<std::int64_t>::max();

// A message without its events.
constexpr std::size_t message_frame_bytes = 4 << 10;

// Text that is not UTF-8 would make the whole message unreadable, and every repair that covers it.
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

bool invalidates(engine::EventType type) {
  switch (type) {
    case engine::EventType::epoch_started:
    case engine::EventType::key_created:
    case engine::EventType::key_resumed:
    case engine::EventType::attempt_refused:
    case engine::EventType::keys_forgotten:
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
  if (stamp.up) json.field("up", *stamp.up);
  return json.key("events");
}

// Calls visit(index of the name, value) for every listed member; skips the others. False if the JSON is
// broken, a listed name is repeated or `visit` returns false. `seen` gets a bit for each name found.
template <std::size_t N, class Visit>
bool read_members(ondemand::object object, const std::array<std::string_view, N>& names, unsigned& seen,
                  Visit visit) {
  seen = 0;
  for (auto item : object) {
    ondemand::field field;
    if (std::move(item).get(field)) return false;
    std::string_view name;
    if (field.unescaped_key().get(name)) return false;
    for (std::size_t i = 0; i < N; ++i) {
      if (name != names[i]) continue;
      if (seen & (1u << i)) return false;
      seen |= 1u << i;
      if (!visit(i, field.value())) return false;
      break;
    }
  }
  return true;
}

template <class... Index>
constexpr bool has(unsigned seen, Index... index) {
  return (... && ((seen & (1u << index)) != 0));
}

bool read_number(ondemand::value value, std::uint64_t& number) {
  return !value.get_uint64().get(number) && number <= max_number;
}

bool read_text(ondemand::value value, std::string& text) {
  std::string_view view;
  if (value.get_string().get(view)) return false;
  text = view;
  return true;
}

bool read_time(ondemand::value value, UnixMs& at) {
  std::string_view text;
  if (value.get_string().get(text)) return false;
  const auto parsed = engine::parse_rfc3339(text);
  if (parsed) at = *parsed;
  return parsed.has_value();
}

bool read_journal(ondemand::value value, std::string& journal) {
  return read_text(value, journal) && engine::is_journal_id(journal);
}

bool read_position(ondemand::value value, Position& position) {
  std::string_view text;
  if (value.get_string().get(text)) return false;
  const auto parsed = engine::parse_position(text);
  if (!parsed || parsed->epoch > max_number || parsed->sequence > max_number) return false;
  position = *parsed;
  return true;
}

// Null means absent.
bool is_null(ondemand::value& value, bool& null) { return !value.is_null().get(null); }

Invalidation::Type type_of(std::string_view name) {
  if (name == "key.revoked") return Invalidation::Type::key_revoked;
  if (name == "owner.revoked") return Invalidation::Type::owner_revoked;
  if (name == "owner.locked") return Invalidation::Type::owner_locked;
  if (name == "owner.unlocked") return Invalidation::Type::owner_unlocked;
  if (name == "key.suspended") return Invalidation::Type::key_suspended;
  if (name == "key.changed") return Invalidation::Type::key_changed;
  return Invalidation::Type::unknown;
}

std::optional<Scope> scope_of(std::string_view name) {
  for (const auto scope : engine::all_scopes) {
    if (name == to_string(scope)) return scope;
  }
  return {};
}

// One owner, {"scope":"workspace","id":"w1"}; its scope must not be set yet.
bool read_owner_within(ondemand::value value, std::array<std::string, 3>& within) {
  static constexpr std::array<std::string_view, 2> names{"scope", "id"};
  ondemand::object object;
  if (value.get_object().get(object)) return false;
  std::string scope_name, id;
  unsigned seen;
  const bool read = read_members(object, names, seen, [&](std::size_t i, ondemand::value member) {
    return read_text(member, i == 0 ? scope_name : id);
  });
  const auto scope = scope_of(scope_name);
  if (!read || !scope || !engine::is_owner_id(id)) return false;
  auto& owner = within[static_cast<std::size_t>(*scope)];
  if (!owner.empty()) return false;
  owner = std::move(id);
  return true;
}

// An owner, or an array of owners. False: unknown form.
bool read_within(ondemand::value value, std::array<std::string, 3>& within) {
  ondemand::json_type type;
  if (value.type().get(type)) return false;
  if (type != ondemand::json_type::array) return read_owner_within(value, within);
  ondemand::array array;
  if (value.get_array().get(array)) return false;
  std::size_t count = 0;
  for (auto item : array) {
    ondemand::value owner;
    if (std::move(item).get(owner) || !read_owner_within(owner, within)) return false;
    ++count;
  }
  return count != 0;
}

bool read_invalidation(ondemand::value value, Invalidation& event) {
  enum { sequence, type, key_id, scope, id, within };
  static constexpr std::array<std::string_view, 6> names{"sequence", "type", "key_id",
                                                         "scope",    "id",   "within"};
  ondemand::object object;
  if (value.get_object().get(object)) return false;
  std::string type_name, scope_name;
  bool knows_within = true;
  unsigned seen;
  const bool read = read_members(object, names, seen, [&](std::size_t i, ondemand::value member) {
    switch (i) {
      case within:
        knows_within = read_within(member, event.within);
        return true;
      case sequence:
        return read_number(member, event.sequence);
      case type:
        return read_text(member, type_name);
      case key_id:
        return read_text(member, event.key_id);
      case scope:
        return read_text(member, scope_name);
      default:
        return read_text(member, event.owner_id);
    }
  });
  if (!read || !has(seen, sequence, type)) return false;
  event.type = type_of(type_name);
  if (event.type == Invalidation::Type::unknown) return true;
  if (!event.is_of_owner()) return engine::is_key_id(event.key_id);
  const auto known_scope = scope_of(scope_name);
  if (known_scope && !engine::is_owner_id(event.owner_id)) return false;
  if (known_scope) event.scope = *known_scope;
  // An unknown scope or limit may cover more keys than this gateway can tell.
  if (!known_scope || !knows_within || !event.within[static_cast<std::size_t>(event.scope)].empty())
    event.type = Invalidation::Type::unknown;
  return true;
}

// The size of a batch unless one turn made a larger one. A sender may claim more; memory for more is
// allocated only as events arrive.
constexpr Sequence max_reserved_events = 2048;

bool read_message(ondemand::object object, Message& message) {
  enum { journal, epoch, first, last, at, up, events };
  static constexpr std::array<std::string_view, 7> names{"journal", "epoch", "first", "last",
                                                         "at",      "up",    "events"};
  unsigned seen;
  const bool read = read_members(object, names, seen, [&](std::size_t i, ondemand::value member) {
    switch (i) {
      case epoch:
        return read_number(member, message.epoch);
      case first:
        return read_number(member, message.first);
      case last:
        return read_number(member, message.last);
      case at:
        return read_time(member, message.at);
      case journal:
        return read_journal(member, message.journal);
      case up:
        return read_number(member, message.up.emplace());
      default:
        break;
    }
    ondemand::array array;
    if (member.get_array().get(array)) return false;
    if (message.last >= message.first)
      message.events.reserve(std::min(message.last - message.first + 1, max_reserved_events));
    for (auto item : array) {
      ondemand::value value;
      if (std::move(item).get(value)) return false;
      if (!read_invalidation(value, message.events.emplace_back())) return false;
    }
    return true;
  });
  if (!read || !has(seen, epoch, first, last, events)) return false;
  if (message.epoch == 0 || message.first == 0 || message.last >= max_number) return false;
  if (message.first > message.last + 1) return false;
  Sequence least = message.first;
  for (auto& event : message.events) {
    if (event.sequence < least || event.sequence > message.last) return false;
    least = event.sequence + 1;
    event.epoch = message.epoch;
  }
  return true;
}

bool read_page(ondemand::object object, Page& page) {
  enum { journal, position, published, more, at, up, messages };
  static constexpr std::array<std::string_view, 7> names{"journal", "position", "told",    "more",
                                                         "at",      "up",       "messages"};
  unsigned seen;
  const bool read = read_members(object, names, seen, [&](std::size_t i, ondemand::value member) {
    switch (i) {
      case journal:
        return read_journal(member, page.journal);
      case position:
        return read_position(member, page.position);
      case published:
        return read_position(member, page.published);
      case at:
        return read_time(member, page.at.emplace());
      case up:
        return read_number(member, page.up.emplace());
      case more:
        return !member.get_bool().get(page.more);
      default:
        break;
    }
    ondemand::array array;
    if (member.get_array().get(array)) return false;
    for (auto item : array) {
      ondemand::object message;
      if (item.get_object().get(message)) return false;
      if (!read_message(message, page.messages.emplace_back())) return false;
    }
    return true;
  });
  if (!read || !has(seen, position, more, messages) || page.position.epoch == 0) return false;
  page.published = std::max(page.published, page.position);
  return true;
}

bool read_gone(ondemand::object object, Page& page) {
  enum { journal, position, at, up };
  static constexpr std::array<std::string_view, 4> names{"journal", "position", "at", "up"};
  unsigned seen;
  const bool read = read_members(object, names, seen, [&](std::size_t i, ondemand::value member) {
    switch (i) {
      case journal:
        return read_journal(member, page.journal);
      case position:
        return read_position(member, page.position);
      case at:
        return read_time(member, page.at.emplace());
      default:
        return read_number(member, page.up.emplace());
    }
  });
  page.published = page.position;
  return read && has(seen, position) && page.position.epoch != 0;
}

// Permissions are forwarded in a header, separated by spaces, so none may contain a separator.
bool read_permissions(ondemand::value value, std::string& permissions) {
  ondemand::array array;
  if (value.get_array().get(array)) return false;
  for (auto item : array) {
    std::string_view name;
    if (item.get_string().get(name) || name.empty()) return false;
    for (const unsigned char c : name) {
      if (c <= ' ' || c == 0x7f) return false;
    }
    if (!permissions.empty()) permissions.push_back(' ');
    permissions.append(name);
  }
  return true;
}

bool read_owner(ondemand::value value, std::string& id) {
  return read_text(value, id) && (id.empty() || engine::is_owner_id(id));
}

bool read_state(ondemand::value value, Decision::State& state) {
  std::string_view text;
  if (value.get_string().get(text)) return false;
  for (const auto each : engine::all_key_states) {
    state = each;
    if (text == to_string(each)) return true;
  }
  return false;
}

bool read_digest(ondemand::value value, std::optional<engine::Digest>& digest) {
  std::string_view text;
  if (value.get_string().get(text)) return false;
  digest = engine::digest_from_hex(text);
  return digest.has_value();
}

bool read_decision(ondemand::object object, Decision& decision, std::optional<engine::Digest>& about) {
  enum {
    active,
    state,
    key_id,
    user,
    application,
    workspace,
    permissions,
    expires_at,
    locked_until,
    as_of,
    journal,
    secret_sha256
  };
  static constexpr std::array<std::string_view, 12> names{
      "active",      "state",      "key_id",       "user",  "application", "workspace",
      "permissions", "expires_at", "locked_until", "as_of", "journal",     "secret_sha256"};
  bool is_active = false;
  unsigned seen;
  const bool read = read_members(object, names, seen, [&](std::size_t i, ondemand::value member) {
    if (i == active) return !member.get_bool().get(is_active);
    if (i == state) return read_state(member, decision.state);
    bool null;
    if (!is_null(member, null)) return false;
    if (null) return true;
    switch (i) {
      case key_id:
        return read_text(member, decision.key_id) && engine::is_key_id(decision.key_id);
      case user:
        return read_owner(member, decision.user);
      case application:
        return read_owner(member, decision.application);
      case workspace:
        return read_owner(member, decision.workspace);
      case permissions:
        return read_permissions(member, decision.permissions);
      case expires_at:
        return read_time(member, decision.expires_at.emplace());
      case locked_until:
        return read_time(member, decision.locked_until.emplace());
      case journal:
        return read_journal(member, decision.journal);
      case secret_sha256:
        return read_digest(member, about);
      default:
        return read_position(member, decision.as_of);
    }
  });
  if (!read || !has(seen, active, state)) return false;
  if (is_active != (decision.state == Decision::State::active)) return false;
  // An allow must name its key and the position up to which it holds.
  return !is_active || (!decision.key_id.empty() && decision.as_of.epoch != 0);
}

template <class T, class Read>
engine::result<T> decode(std::string_view json, std::size_t max_bytes, Read read) {
  if (json.size() > max_bytes) return errc::malformed;
  thread_local ondemand::parser parser;
  const simdjson::padded_string padded(json);
  ondemand::document document;
  if (parser.iterate(padded).get(document)) return errc::malformed;
  ondemand::object object;
  if (document.get_object().get(object)) return errc::malformed;
  T out;
  if (!read(object, out)) return errc::malformed;
  // On-Demand stops after the object; only the end of the document has no location.
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) return errc::malformed;
  return out;
}

}  // namespace

Stamp stamp_now(std::string_view journal) { return {journal, engine::now_unix_ms(), engine::running_ms()}; }

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

engine::result<Message> decode_message(std::string_view json) {
  return decode<Message>(json, engine::max_message_bytes, read_message);
}

engine::result<Page> decode_page(std::string_view json) {
  return decode<Page>(json, engine::max_page_bytes + engine::max_page_frame_bytes, read_page);
}

engine::result<Page> decode_gone(std::string_view json) {
  return decode<Page>(json, max_decoded_bytes, read_gone);
}

engine::result<Decision> decode_decision(std::string_view json) {
  std::optional<engine::Digest> about;
  return decode<Decision>(json, max_decoded_bytes, [&](ondemand::object object, Decision& decision) {
    return read_decision(object, decision, about);
  });
}

engine::result<Decision> decode_decision(std::string_view json, const engine::Digest& secret_sha256) {
  std::optional<engine::Digest> about;
  return decode<Decision>(json, max_decoded_bytes, [&](ondemand::object object, Decision& decision) {
    return read_decision(object, decision, about) && about == secret_sha256;
  });
}

}  // namespace revoked::cache
