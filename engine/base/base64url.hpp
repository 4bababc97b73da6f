#pragma once
// base64 (RFC 4648), and base64url without padding, as used by JOSE (RFC 7515, section 2). Pure functions.

#include <optional>
#include <string>
#include <string_view>

namespace revoked::engine {

// Strict: one text per value. Empty for a foreign character (including white space and '='), for a length
// that no encoder produces, and for non-zero spare bits: two spellings of one signature would be two tokens.
std::optional<std::string> decode_base64url(std::string_view text);
// Of either alphabet (RFC 4648, sections 4 and 5), with padding or without; else as strict.
std::optional<std::string> decode_base64(std::string_view text);
std::string encode_base64url(std::string_view bytes);

}  // namespace revoked::engine
