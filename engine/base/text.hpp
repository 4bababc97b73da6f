#pragma once
// Valid text for names and secrets.

#include <string_view>

namespace revoked::engine {

// UTF-8 (RFC 3629) without control characters (Unicode's category Cc: U+0000 to U+001F, U+007F to U+009F).
bool is_printable_utf8(std::string_view text);

}  // namespace revoked::engine
