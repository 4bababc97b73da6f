#pragma once
// Secrets we issue: `<prefix>_<40 base62 characters><6 base62 characters of CRC-32>`.
// 40 base62 characters carry 238 random bits. The checksum (CRC-32 of all that stands before it, ISO 3309,
// as six base62 digits, most significant first) lets a scanner tell a leaked key from noise offline.

#include <string>
#include <string_view>

namespace revoked::engine {

inline constexpr std::size_t max_secret_size = 512;  // of an imported one
inline constexpr std::string_view default_key_prefix = "rvk";

// A prefix is 1 to 16 letters or digits.
bool is_key_prefix(std::string_view text);

std::string new_secret(std::string_view prefix);

// Whether `text` has the form and the checksum of a secret issued under `prefix`.
bool is_issued_secret(std::string_view text, std::string_view prefix);

}  // namespace revoked::engine
