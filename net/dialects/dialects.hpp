#pragma once
// HTTP APIs published by other products, served as drop-in replacements over the engine's verbs
// (docs/dialects.md): one file each, and one line in dialects.cpp. This file has what they share.

#include <span>

#include "engine/model/json_writer.hpp"
#include "net/api/api.hpp"

namespace revoked::net {

// All of them. Constant.
extern const std::span<const Dialect* const> all_dialects;

// The forms in which an id may be stored: a UUID in lower case (as generated), as given, and in upper case.
std::vector<std::string> spellings(std::string_view id);

// Revokes a key within `reach`, whose id may be a UUID in either letter case. The reason is the dialect's
// name. Sets Revocation-Position and logs the caller, the time and the key; the response must wait for
// RevokedKey::sequence.
engine::result<engine::RevokedKey> revoke_key_within(Api& api, Call& call, std::string_view key_id,
                                                     const engine::Reach& reach);

// An error as JSON; with Retry-After on 503.
void send_error(const Exchange& exchange, unsigned status, std::string_view body);

// An API key after "Bearer "; no other kind of credential.
Presented present_bearer_key(const Request& request);

}  // namespace revoked::net
