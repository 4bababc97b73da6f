#pragma once
// Identifiers: their alphabets, and the ids the engine issues.

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

// 1 to 128 visible ASCII characters, none of / ? # % \ ", and neither "." nor "..": a path segment needs no
// encoding.
bool is_key_id(std::string_view text);
// As issued by identity providers: 1 to 256 bytes of UTF-8 without control characters, and neither "." nor
// "..". Percent-encoded in paths.
bool is_owner_id(std::string_view text);

// 70 random bits in lower-case base 32, short enough for the small-string optimisation: a journal id, and
// what else must only differ from all others. Thread-safe.
std::string new_random_id();
bool is_journal_id(std::string_view text);  // 1 to 32 of 0-9 a-z

// A UUIDv7 (RFC 9562, section 5.7) in lower-case text: 48 bits of time, 74 random bits. Thread-safe.
std::string new_key_id(UnixMs now);

}  // namespace revoked::engine
