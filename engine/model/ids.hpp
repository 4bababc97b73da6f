#pragma once
// Identifiers: their alphabets and the ids we issue ourselves.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/time.hpp"

namespace revoked::engine {

inline constexpr std::size_t max_key_id_size = 128;
inline constexpr std::size_t max_owner_id_size = 256;

enum class Scope : std::uint8_t { user, application, workspace };
inline constexpr std::array all_scopes{Scope::user, Scope::application, Scope::workspace};
std::string_view to_string(Scope scope);  // "user", "application", "workspace"

// 1 to 128 visible ASCII characters, none of / ? # % \ ", and neither "." nor "..": as a segment of a path it
// stays what it is.
bool is_key_id(std::string_view text);
// What identity providers give out: 1 to 256 bytes of UTF-8 without control characters, and neither "." nor
// "..". In a path it is percent-encoded.
bool is_owner_id(std::string_view text);

// A journal id: 70 random bits in lower-case base 32, short enough for a string without memory of its own.
std::string new_journal_id();
bool is_journal_id(std::string_view text);  // 1 to 32 of 0-9 a-z

// A UUIDv7 (RFC 9562, section 5.7) in lower-case text: 48 bits of time, 74 random bits. Thread-safe.
std::string new_key_id(UnixMs now);

}  // namespace revoked::engine
