#include "engine/model/secret.hpp"

#include <algorithm>
#include <array>
#include <boost/crc.hpp>

#include "engine/base/random.hpp"
#include "engine/base/text.hpp"
#include "engine/model/ids.hpp"

namespace revoked::engine {
namespace {

constexpr std::string_view base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t random_size = 40;
constexpr std::size_t checksum_size = 6;

void append_checksum(std::string& text) {
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  auto value = crc.checksum();
  std::array<char, checksum_size> digits;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    *digit = base62[value % 62];
    value /= 62;
  }
  text.append(digits.data(), digits.size());
}

// ASCII white space, and the no-break space and byte order mark that copying from web pages and editors adds.
constexpr std::string_view blanks[] = {" ", "\t", "\r", "\n", "\v", "\f", "\u00a0", "\ufeff"};

bool is_plain(char c) { return c > ' ' && c < 0x7f; }

std::string_view without_blanks(std::string_view text) {
  // Nearly all: each request with a credential comes by.
  if (!text.empty() && is_plain(text.front()) && is_plain(text.back())) return text;
  const auto starts = [&](std::string_view blank) { return text.starts_with(blank); };
  const auto ends = [&](std::string_view blank) { return text.ends_with(blank); };
  for (auto blank = std::ranges::find_if(blanks, starts); blank != std::end(blanks);
       blank = std::ranges::find_if(blanks, starts))
    text.remove_prefix(blank->size());
  for (auto blank = std::ranges::find_if(blanks, ends); blank != std::end(blanks);
       blank = std::ranges::find_if(blanks, ends))
    text.remove_suffix(blank->size());
  return text;
}

bool is_quoted(std::string_view text) {
  return text.size() >= 2 && text.front() == text.back() &&
         std::string_view("\"'`").find(text.front()) != std::string_view::npos;
}

}  // namespace

bool is_secret(std::string_view text) {
  return text.size() >= min_secret_size && text.size() <= max_secret_size && is_printable_utf8(text) &&
         without_blanks(text).size() == text.size();
}

SecretReadings readings_of(std::string_view reported) {
  SecretReadings readings;
  auto text = without_blanks(reported);
  readings.texts[readings.count++] = text;
  while (is_quoted(text) && readings.count < readings.texts.size()) {
    text = without_blanks(text.substr(1, text.size() - 2));
    readings.texts[readings.count++] = text;
  }
  return readings;
}

bool is_reported_secret(std::string_view reported) {
  return std::ranges::any_of(readings_of(reported), is_secret);
}

std::string_view reported_secret(std::string_view reported) {
  const auto readings = readings_of(reported);
  return readings.texts[readings.count - 1];
}

bool is_key_prefix(std::string_view text) {
  return !text.empty() && text.size() <= 16 && text.find_first_not_of(base62) == std::string_view::npos;
}

std::string new_secret(std::string_view prefix) {
  std::string text(prefix);
  text.push_back('_');
  const auto full = text.size() + random_size;
  while (text.size() < full) {
    std::array<unsigned char, 64> bytes;
    random_bytes(bytes.data(), bytes.size());
    for (const auto byte : bytes) {
      // 248 = 4 * 62: values above would bias the distribution.
      if (byte < 248 && text.size() < full) text.push_back(base62[byte % 62]);
    }
  }
  append_checksum(text);
  return text;
}

bool is_issued_secret(std::string_view text, std::string_view prefix) {
  if (text.size() != prefix.size() + 1 + random_size + checksum_size) return false;
  if (!text.starts_with(prefix) || text[prefix.size()] != '_') return false;
  if (text.find_first_not_of(base62, prefix.size() + 1) != std::string_view::npos) return false;
  std::string expected(text.substr(0, text.size() - checksum_size));
  append_checksum(expected);
  return expected == text;
}

std::vector<std::string> parse_key_lines(std::string_view text) {
  std::vector<std::string> keys;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = reported_secret(line);
    if (!line.empty() && line.front() != '#') keys.emplace_back(line);
  }
  return keys;
}

}  // namespace revoked::engine
