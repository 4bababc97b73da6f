#pragma once
// Issued secrets: `<prefix>_<40 base62 characters><6 base62 characters of CRC-32>`.
// 40 base62 characters carry 238 random bits. The checksum (CRC-32, ISO 3309, of all characters before it, as
// six base62 digits, most significant first) lets a scanner detect leaked keys offline.

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

// Whether it can be a secret, issued or imported: 8 to 4,096 bytes of UTF-8 without control characters, with
// no white space at either end. The same rule for every input.
bool is_secret(std::string_view text);
inline constexpr std::string_view secret_form =
    "a string of 8 to 4096 bytes without control characters, and no white space at either end";

// A reported secret, copied from a file, a table or a log, may be surrounded by white space, byte order marks
// and pairs of quotes; but an imported secret may itself begin and end with a quote. So it has several
// readings: without the white space, then without each pair of quotes in turn. At most this many pairs are
// removed, which bounds the work a caller can cause.
inline constexpr std::size_t max_quote_pairs = 4;
struct SecretReadings {
  std::array<std::string_view, max_quote_pairs + 1> texts;  // views of the reported text
  std::size_t count = 0;                                    // at least one

  auto begin() const { return texts.begin(); }
  auto end() const { return texts.begin() + static_cast<std::ptrdiff_t>(count); }
};
SecretReadings readings_of(std::string_view reported);
bool is_reported_secret(std::string_view reported);  // whether one of the readings is a secret
// The last reading.
std::string_view reported_secret(std::string_view reported);

// Whether `text` has the form and the checksum of a secret issued with `prefix`.
bool is_issued_secret(std::string_view text, std::string_view prefix);

// The lines of a file of keys, trimmed; empty lines and those that start with '#' are skipped.
std::vector<std::string> parse_key_lines(std::string_view text);

}  // namespace revoked::engine
