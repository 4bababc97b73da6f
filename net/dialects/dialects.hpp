#pragma once
// HTTP APIs that others have published, served as drop-ins over the engine's verbs (docs/dialects.md): one
// file each, and one line in dialects.cpp. Here is what they share.

#include "engine/base/json_writer.hpp"
#include "net/api/api.hpp"

namespace revoked::net {

// Whose path this is; null: the native API's.
const Dialect* dialect_of(std::string_view path);

// One line in the log, with the request's id and what it is traced by, at a bounded rate (see LogLimit).
void log_refusal(const Dialect& dialect, const Request& request, const Refusal& refusal,
                 const engine::Principal& principal);

bool is_uuid(std::string_view text);  // 8-4-4-4-12 hexadecimal digits, of either letter case

// As which texts an id may be stored: a UUID in lower case (as we issue them), as given, and in upper case.
std::vector<std::string> spellings(std::string_view id);

// Revokes a key within `reach`, whose id may be a UUID in either letter case. The reason is the dialect's
// name. Sets Revocation-Position and logs who, when and which; the answer waits for RevokedKey::sequence.
engine::result<engine::RevokedKey> revoke_key_within(Api& api, Call& call, std::string_view key_id,
                                                     const engine::Reach& reach);

// An error as JSON; with Retry-After on 503.
void send_error(const Exchange& exchange, unsigned status, std::string_view body);

// An API key behind "Bearer " and nothing else.
Presented present_bearer_key(const Request& request);

}  // namespace revoked::net
