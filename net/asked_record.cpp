// What the record of a key has beyond what a new key is asked for with. See asked_key.hpp.

#include <algorithm>
#include <array>

#include "net/asked_key.hpp"

namespace revoked::net {
namespace {

using engine::KeyState;
using Kind = JsonMember::Kind;

// What is told of a key, but not taken from others: the engine's own.
struct Told {
  std::string_view name;
  Kind kind;
};
constexpr std::array told{
    Told{"position", Kind::string},         Told{"revoked_at", Kind::string},
    Told{"revoked_position", Kind::string}, Told{"secrets", Kind::objects},
    Told{"last_used_at", Kind::string},     Told{"used_after_revocation", Kind::object}};

struct Record {
  KeyState state = KeyState::active;
  std::string reason;
  engine::UnixMs created_at = 0;
  bool is_told_revoked = false;
  std::string_view refusal;  // empty: none
};

void read_state(Record& record, const JsonMember& member) {
  for (const auto state : {KeyState::active, KeyState::suspended, KeyState::expired, KeyState::revoked}) {
    if (member.kind != Kind::string || member.text != to_string(state)) continue;
    record.state = state;
    return;
  }
  record.refusal = "state is active, suspended, expired or revoked";
}

// False: it is none of a record's, but one that a new key has as well, or unknown.
bool take_member(Record& record, const JsonMember& member) {
  const bool is_null = member.kind == Kind::null;
  if (member.name == "state") {
    if (!is_null) read_state(record, member);
  } else if (member.name == "reason") {
    if (member.kind != Kind::string && !is_null) record.refusal = "reason is a text";
    if (member.text.size() > engine::max_reason_size) record.refusal = "reason is at most 256 bytes";
    record.reason = member.text;
  } else if (member.name == "created_at") {
    const auto at = member.kind == Kind::string ? engine::parse_rfc3339(member.text) : std::nullopt;
    if (!at && !is_null) record.refusal = "created_at is not an RFC 3339 time";
    record.created_at = at.value_or(0);
  } else {
    const auto known =
        std::find_if(told.begin(), told.end(), [&](const Told& each) { return each.name == member.name; });
    if (known == told.end()) return false;
    const bool is_empty_array = member.kind == Kind::strings && member.strings.empty();
    const bool is_right =
        is_null || member.kind == known->kind || (known->kind == Kind::objects && is_empty_array);
    if (!is_right) record.refusal = "a member of the record is of the wrong type";
    record.is_told_revoked = record.is_told_revoked || (member.name == "revoked_at" && !is_null);
  }
  return true;
}

// What contradicts itself may mean a key that is not to live.
std::string_view contradiction_in(const Record& record, engine::UnixMs expires_at) {
  const bool has_ended = expires_at != 0 && expires_at <= engine::now_unix_ms();
  if (record.state == KeyState::expired && !has_ended) return "an expired key has an expires_at that is over";
  if (record.is_told_revoked && record.state != KeyState::revoked)
    return "revoked_at goes with the state revoked";
  if (!record.reason.empty() && record.state != KeyState::revoked && record.state != KeyState::suspended)
    return "reason goes with the state revoked or suspended";
  return {};
}

}  // namespace

std::optional<Refusal> read_asked_record(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                                         const engine::Principal& principal) {
  auto members = read_json_object(json);
  if (!members) return Refusal{400, "malformed", "this is not one JSON object"};
  Record record;
  std::erase_if(*members, [&](const JsonMember& member) { return take_member(record, member); });
  if (!record.refusal.empty()) return Refusal{400, "invalid_field", record.refusal};
  if (auto refusal = read_asked_key(asked, std::move(*members), engine, principal)) return refusal;
  const auto contradiction = contradiction_in(record, asked.key.expires_at);
  if (!contradiction.empty()) return Refusal{400, "invalid_field", contradiction};
  asked.reason = std::move(record.reason);
  asked.key.reason = asked.reason;
  asked.key.created_at = record.created_at;
  if (record.state != KeyState::expired) asked.key.state = record.state;
  return {};
}

}  // namespace revoked::net
