#pragma once
// The claims of a token, and the rules by which it is accepted (RFC 7519, section 4.1). Pure functions.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.hpp"
#include "engine/model/ids.hpp"
#include "net/auth/verification_key.hpp"

namespace revoked::net {

inline constexpr std::size_t max_actor_size = 256;  // of "sub", in bytes
inline constexpr std::size_t max_limit_ids = 128;   // per scope of one token
inline constexpr std::int64_t max_leeway_s = 60;

struct Claims {
  std::string actor;        // "sub"
  std::string issuer;       // "iss"; empty if absent
  std::string permissions;  // separated by one space; fits Principal::permissions
  // By Scope: the ids that the bearer may reach, at least one; nullopt: not limited in this scope.
  std::array<std::optional<std::vector<std::string>>, 3> limits;
  engine::UnixMs expires_at = 0;  // "exp", without leeway

  // What the signature was checked with.
  std::optional<std::string> kid;
  Algorithm algorithm = Algorithm::hs256;
  engine::Digest key{};  // its fingerprint

  bool is_limited() const { return limits[0] || limits[1] || limits[2]; }
};

struct ClaimRules {
  std::string issuer;  // "iss" must be this; empty: any
  // "aud" must be or contain this; empty: any, so set one if the issuer serves other services too.
  std::string audience;
  std::int64_t leeway_s = 0;  // allowed error of the issuer's clock; at most max_leeway_s

  // Names of claims; one whose name is empty is not read. Permissions: each a text separated by spaces (RFC
  // 8693, section 4.2) or an array of strings. If a token has both, the bearer gets the permissions named in
  // both: "scope" may narrow what "permissions" grants.
  std::string scope_claim = "scope";
  std::string permissions_claim = "permissions";
  // Limits, by Scope: each a string or an array of strings.
  std::array<std::string, 3> limit_claims{"user", "application", "workspace"};
};

// Reads the payload of a token whose signature is valid. Returns empty if it is accepted; else the reason,
// for the log.
//
// Refused: a repeated member; a missing "exp" or "sub"; times that are not integers of 1970 to 9999 (RFC 7519
// allows fractions, which no issuer needs and parsers round differently); a "sub" that is empty, longer than
// 256 bytes, holds control characters, or is "master", the name of a master key in the audit trail; a limit
// that is present but names no valid owner, or too many, since dropping it would widen the bearer's reach.
// Permissions that no key can have are dropped.
std::string_view read_claims(std::string_view payload, const ClaimRules& rules, engine::UnixMs now,
                             Claims& claims);

}  // namespace revoked::net
