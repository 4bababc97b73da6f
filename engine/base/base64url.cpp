#include "engine/base/base64url.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace revoked::engine {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t foreign = 255;

constexpr std::array<std::uint8_t, 256> values() {
  std::array<std::uint8_t, 256> table{};
  table.fill(foreign);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}

}  // namespace

std::optional<std::string> decode_base64url(std::string_view text) {
  static constexpr auto table = values();
  if (text.size() % 4 == 1) return {};
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const unsigned char c : text) {
    if (table[c] == foreign) return {};
    bits = bits << 6 | table[c];
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<char>(bits >> count & 0xff));
    }
  }
  if ((bits & ((1U << count) - 1)) != 0) return {};
  return bytes;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string unpadded(text.substr(0, text.find('=')));
  const auto padding = text.substr(unpadded.size());
  if (!padding.empty() && (text.size() % 4 != 0 || (padding != "=" && padding != "=="))) return {};
  std::ranges::replace(unpadded, '+', '-');
  std::ranges::replace(unpadded, '/', '_');
  return decode_base64url(unpadded);
}

std::string encode_base64url(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const unsigned char c : bytes) {
    bits = (bits << 8 | c) & 0xffff;
    for (count += 8; count >= 6; count -= 6) text.push_back(alphabet[bits >> (count - 6) & 63]);
  }
  if (count > 0) text.push_back(alphabet[bits << (6 - count) & 63]);
  return text;
}

}  // namespace revoked::engine
