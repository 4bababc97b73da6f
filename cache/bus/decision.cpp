#include "cache/bus/decision.hpp"

#include <algorithm>
#include <array>

#include "cache/bus/json_members.hpp"

namespace revoked::cache {
namespace {

// Permissions are forwarded in a header, separated by spaces, so none may contain a separator.
bool is_permission(std::string_view name) {
  return !name.empty() && std::ranges::none_of(name, [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

bool read_permissions(ondemand::value value, std::string& permissions) {
  return read_items(value, [&](ondemand::value item) {
    std::string_view name;
    if (item.get_string().get(name) || !is_permission(name)) return false;
    if (!permissions.empty()) permissions.push_back(' ');
    permissions.append(name);
    return true;
  });
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
    bool null;  // means absent
    if (member.is_null().get(null)) return false;
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
        return read_random_id(member, decision.journal);
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

}  // namespace

engine::result<Decision> decode_decision(std::string_view json) {
  std::optional<engine::Digest> about;
  return decode_document<Decision>(
      json, max_document_bytes,
      [&](ondemand::object object, Decision& decision) { return read_decision(object, decision, about); });
}

engine::result<Decision> decode_decision(std::string_view json, const engine::Digest& secret_sha256) {
  std::optional<engine::Digest> about;
  return decode_document<Decision>(json, max_document_bytes,
                                   [&](ondemand::object object, Decision& decision) {
                                     return read_decision(object, decision, about) && about == secret_sha256;
                                   });
}

}  // namespace revoked::cache
