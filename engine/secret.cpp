#include "engine/secret.hpp"

#include <array>
#include <boost/crc.hpp>

#include "engine/ids.hpp"

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

}  // namespace

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
      // 248 = 4 * 62: values above would make some characters likelier than others.
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

}  // namespace revoked::engine
