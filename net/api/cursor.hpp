#pragma once
// A place in a list as its caller carries it about, between two pages: encrypted and authenticated, since
// what lies there may be somebody else's, and all of one length. With a key that is drawn at start and stays
// in the process: after a restart, or at another engine, a cursor is good for nothing. Thread-safe.

#include <optional>
#include <string>
#include <string_view>

namespace revoked::net {

inline constexpr std::size_t max_place_size = 255;

// In base64url. `place` has at most max_place_size bytes.
std::string seal_cursor(std::string_view place);

// Nothing if it is none of this process's.
std::optional<std::string> open_cursor(std::string_view cursor);

}  // namespace revoked::net
