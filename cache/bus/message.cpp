#include "cache/bus/message.hpp"

#include <algorithm>

#include "cache/bus/json_members.hpp"

namespace revoked::cache {
namespace {

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
  std::size_t count = 0;
  const bool read = read_items(value, [&](ondemand::value owner) {
    ++count;
    return read_owner_within(owner, within);
  });
  return read && count != 0;
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

bool read_events(ondemand::value value, Message& message) {
  if (message.last >= message.first)
    message.events.reserve(std::min(message.last - message.first + 1, max_reserved_events));
  return read_items(
      value, [&](ondemand::value event) { return read_invalidation(event, message.events.emplace_back()); });
}

bool read_message(ondemand::object object, Message& message) {
  enum { journal, epoch, first, last, at, up, clock, events, report_ms };
  static constexpr std::array<std::string_view, 9> names{"journal", "epoch", "first",  "last",     "at",
                                                         "up",      "clock", "events", "report_ms"};
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
        return read_random_id(member, message.journal);
      case up:
        return read_number(member, message.up.emplace());
      case clock:
        return read_random_id(member, message.clock);
      case report_ms:
        return read_number(member, message.report_ms.emplace());
      default:
        return read_events(member, message);
    }
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

// A page, and the problem document of a 410, which has only the members up to `clock`.
struct PageMember {
  enum { journal, position, at, up, clock, published, more, messages };
  static constexpr std::array<std::string_view, 5> of_gone{"journal", "position", "at", "up", "clock"};
  static constexpr std::array<std::string_view, 8> of_page{"journal", "position", "at",   "up",
                                                           "clock",   "told",     "more", "messages"};
};

bool read_page_member(std::size_t i, ondemand::value member, Page& page) {
  switch (i) {
    case PageMember::journal:
      return read_random_id(member, page.journal);
    case PageMember::position:
      return read_position(member, page.position);
    case PageMember::at:
      return read_time(member, page.at.emplace());
    case PageMember::up:
      return read_number(member, page.up.emplace());
    case PageMember::clock:
      return read_random_id(member, page.clock);
    case PageMember::published:
      return read_position(member, page.published);
    case PageMember::more:
      return !member.get_bool().get(page.more);
    default:
      return read_items(member, [&](ondemand::value item) {
        ondemand::object message;
        return !item.get_object().get(message) && read_message(message, page.messages.emplace_back());
      });
  }
}

template <std::size_t N>
bool read_page_members(ondemand::object object, const std::array<std::string_view, N>& names, unsigned& seen,
                       Page& page) {
  const bool read = read_members(object, names, seen, [&](std::size_t i, ondemand::value member) {
    return read_page_member(i, member, page);
  });
  page.published = std::max(page.published, page.position);
  return read && has(seen, PageMember::position) && page.position.epoch != 0;
}

bool read_page(ondemand::object object, Page& page) {
  unsigned seen;
  return read_page_members(object, PageMember::of_page, seen, page) &&
         has(seen, PageMember::more, PageMember::messages);
}

bool read_gone(ondemand::object object, Page& page) {
  unsigned seen;
  return read_page_members(object, PageMember::of_gone, seen, page);
}

}  // namespace

engine::result<Message> decode_message(std::string_view json) {
  return decode_document<Message>(json, engine::max_message_bytes, read_message);
}

engine::result<Page> decode_page(std::string_view json) {
  return decode_document<Page>(json, engine::max_page_bytes + engine::max_page_frame_bytes, read_page);
}

engine::result<Page> decode_gone(std::string_view json) {
  return decode_document<Page>(json, max_document_bytes, read_gone);
}

}  // namespace revoked::cache
