#pragma once
// Secrets we issue: `<prefix>_<40 base62 characters><6 base62 characters of CRC-32>`.
// 40 base62 characters carry 238 random bits. The checksum (CRC-32 of all that stands before it, ISO 3309,
// as six base62 digits, most significant first) lets a scanner tell a leaked key from noise offline.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

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
// So it has several readings: without the white space, then without each pair of quotes in turn. Of more
// pairs than these the inner ones count as its own: what a caller can make us try is bounded.
inline constexpr std::size_t max_quote_pairs = 4;
struct SecretReadings {
  std::array<std::string_view, max_quote_pairs + 1> texts;  // views of what was reported
  std::size_t count = 0;                                    // at least one

  auto begin() const { return texts.begin(); }
  auto end() const { return texts.begin() + static_cast<std::ptrdiff_t>(count); }
};
SecretReadings readings_of(std::string_view reported);
bool is_reported_secret(std::string_view reported);  // whether one of the readings is a secret
// The last reading.
std::string_view reported_secret(std::string_view reported);

// Whether `text` has the form and the checksum of a secret issued under `prefix`.
bool is_issued_secret(std::string_view text, std::string_view prefix);

// The lines of a file of keys, without blanks at their ends; empty ones and those that start with '#' are
// left out.
std::vector<std::string> parse_key_lines(std::string_view text);

}  // namespace revoked::engine
