#pragma once
// Wall-clock times, in milliseconds since the Unix epoch, and their text form (RFC 3339, UTC, milliseconds).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace revoked::engine {

using UnixMs = std::int64_t;

UnixMs now_unix_ms();

// "2026-01-02T03:04:05.678Z", always 24 characters. Years 1970 to 9999; others are clamped.
void append_rfc3339(std::string& out, UnixMs at);

// Accepts any RFC 3339 date-time (offsets, 0 to 9 fraction digits). Empty for anything else, and for times
// before 1970.
std::optional<UnixMs> parse_rfc3339(std::string_view text);

}  // namespace revoked::engine
