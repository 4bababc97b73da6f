#pragma once
// A position in a list, held by the caller between two pages: encrypted and authenticated, since it may name
// a key of another tenant, and of constant length. The key is random and never leaves the process: after a
// restart, or at another engine, a cursor is invalid. Thread-safe.

#include <optional>
#include <string>
#include <string_view>

namespace revoked::net {

inline constexpr std::size_t max_place_size = 255;

// In base64url. `place` has at most max_place_size bytes.
std::string seal_cursor(std::string_view place);

// nullopt if it is not a cursor of this process.
std::optional<std::string> open_cursor(std::string_view cursor);

}  // namespace revoked::net
