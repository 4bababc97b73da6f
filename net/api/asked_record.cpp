// The members of a key's record beyond those of a new key. See asked_key.hpp.

#include <algorithm>
#include <array>

#include "net/api/asked_key.hpp"
#include "net/api/reason.hpp"

namespace revoked::net {
namespace {

using engine::KeyState;
using Kind = JsonMember::Kind;

// Members that are taken in addition, and members that only the engine sets, which are ignored.
constexpr MemberForm more_forms[] = {
    {"state", Kind::string, "active, locked, suspended, expired or revoked"},
    {"reason", Kind::string, reason_form},
    {"created_at", Kind::string, "a time as in RFC 3339"},
    {"position", Kind::string, position_form},
    {"revoked_at", Kind::string, "a time as in RFC 3339"},
    {"revoked_position", Kind::string, position_form},
    {"secrets", Kind::objects, "an array of objects"},
    {"last_used_at", Kind::string, "a time as in RFC 3339"},
    {"used_after_revocation", Kind::object, "an object"},
};
constexpr auto record_forms = [] {
  std::array<MemberForm, key_forms.size() + std::size(more_forms)> all;
  std::ranges::copy(more_forms, std::ranges::copy(key_forms, all.begin()).out);
  return all;
}();

// `locked` is the state of the owner: the key itself is active. An expired key is recognized by expires_at.
std::optional<KeyState> state_of(std::string_view text) {
  if (text == to_string(KeyState::locked)) return KeyState::active;
  return engine::listed_state_of(text);
}

// A contradiction may mean a key that must not become active.
Fault contradiction_in(const Members& members, KeyState state, engine::UnixMs expires_at) {
  const bool has_ended = expires_at != 0 && expires_at <= engine::now_unix_ms();
  if (state == KeyState::expired && !has_ended)
    return {"invalid_field", "state", "an expired key must have an expires_at in the past"};
  if (members.find("revoked_at") != nullptr && state != KeyState::revoked)
    return {"invalid_field", "revoked_at", "revoked_at requires the state revoked"};
  if (!members.text_or_empty("reason").empty() && state != KeyState::revoked && state != KeyState::suspended)
    return {"invalid_field", "reason", "reason requires the state revoked or suspended"};
  return {};
}

}  // namespace

Fault read_asked_record(AskedKey& asked, std::string_view json, const engine::Engine& engine,
                        const engine::Principal& principal) {
  Members read;
  if (auto fault = read_with_reason(read, json, record_forms)) return fault;
  if (auto fault = read_asked_key(asked, std::move(read), engine, principal)) return fault;
  const auto& members = asked.members;
  auto state = KeyState::active;
  if (const auto* const member = members.find("state")) {
    const auto known = state_of(member->text);
    if (!known) return wrong_value(member->name, record_forms);
    state = *known;
  }
  if (const auto* const member = members.find("created_at")) {
    const auto at = engine::parse_rfc3339(member->text);
    if (!at) return wrong_value(member->name, record_forms);
    asked.key.created_at = *at;
  }
  if (auto fault = contradiction_in(members, state, asked.key.expires_at)) return fault;
  asked.reason = members.text_or_empty("reason");
  asked.key.reason = asked.reason;
  if (state != KeyState::expired) asked.key.state = state;
  return {};
}

}  // namespace revoked::net
