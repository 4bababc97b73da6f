#pragma once
// base64url without padding, as used by JOSE (RFC 7515, section 2; alphabet of RFC 4648, section 5). Pure
// functions.

#include <optional>
#include <string>
#include <string_view>

namespace revoked::engine {

// Strict: one text per value. Empty for a foreign character (including white space and '='), for a length
// that no encoder produces, and for non-zero spare bits: two spellings of one signature would be two tokens.
std::optional<std::string> decode_base64url(std::string_view text);
std::string encode_base64url(std::string_view bytes);

}  // namespace revoked::engine
