#pragma once
// Who may do what. One place; deny by default.

#include <optional>
#include <string>
#include <string_view>

#include "engine/decision.hpp"

namespace revoked::engine {

enum class Permission {
  keys_create,
  keys_read,
  keys_verify,
  keys_write,
  keys_revoke,
  audit_read,
  gateways_read,
  gateway,  // includes keys_verify
};
std::string_view to_string(Permission permission);

// Who makes a request, as `net` has found out.
struct Principal {
  bool is_master = false;
  std::string_view permissions;  // separated by one space; views the engine's memory
  bool is_limited = false;       // to a workspace, application or user
  std::string actor;             // for the audit trail: "master", or the caller's key_id
};

// A key of ours as a caller. Nothing unless it is active.
std::optional<Principal> principal_of(const Decision& key);

// A caller limited to an owner may do nothing yet: until reach can be checked for every verb, it is denied.
bool may(const Principal& principal, Permission permission);

}  // namespace revoked::engine
