#pragma once
// base64url without padding, as JOSE writes it (RFC 7515, section 2; alphabet of RFC 4648, section 5). Pure
// functions.

#include <optional>
#include <string>
#include <string_view>

namespace revoked::engine {

// Strict: one text for one value. Nothing for a foreign character (white space and '=' too), for a length
// that no encoder makes, and for spare bits that are not zero: two spellings of one signature would be two
// tokens.
std::optional<std::string> decode_base64url(std::string_view text);
std::string encode_base64url(std::string_view bytes);

}  // namespace revoked::engine
