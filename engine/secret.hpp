#pragma once
// Secrets we issue: `<prefix>_<40 base62 characters><6 base62 characters of CRC-32>`.
// 40 base62 characters carry 238 random bits. The checksum (CRC-32 of all that stands before it, ISO 3309,
// as six base62 digits, most significant first) lets a scanner tell a leaked key from noise offline.

#include <optional>
#include <string>
#include <string_view>

namespace revoked::engine {

inline constexpr std::size_t min_secret_size = 8;
inline constexpr std::size_t max_secret_size = 4096;
inline constexpr std::string_view default_key_prefix = "rvk";

// A prefix is 1 to 16 letters or digits.
bool is_key_prefix(std::string_view text);

std::string new_secret(std::string_view prefix);

// Whether it can be a secret at all, ours or one that was brought along: 8 to 4,096 bytes of UTF-8 without
// control characters, with no white space at either end. One rule wherever secrets come in.
bool is_secret(std::string_view text);
inline constexpr std::string_view secret_form =
    "a string of 8 to 4096 bytes without control characters, and no white space at either end";

// A secret as people report it, copied from a file, a table or a log, may have white space, byte order marks
// and pairs of quotes around it; and a secret that was brought along may begin and end with a quote itself.
// So it has several readings: without the white space, then without each pair of quotes in turn.
std::string_view trimmed_secret(std::string_view text);
std::optional<std::string_view> unquoted_secret(
    std::string_view text);                      // nothing: there is no pair around it
bool is_reported_secret(std::string_view text);  // whether one of the readings is a secret
// The last reading.
std::string_view reported_secret(std::string_view text);

// Whether `text` has the form and the checksum of a secret issued under `prefix`.
bool is_issued_secret(std::string_view text, std::string_view prefix);

}  // namespace revoked::engine
