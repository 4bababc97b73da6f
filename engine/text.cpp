#include "engine/text.hpp"

#include <array>
#include <cstdint>
#include <cstring>

namespace revoked::engine {
namespace {

struct Sequence {
  std::size_t size = 0;  // 0: not well formed
  std::uint32_t code_point = 0;
};

// The character of several bytes at the front of `text`.
Sequence read_character(std::string_view text) {
  static constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return {};
  std::uint32_t code_point = first & (0x7fU >> size);
  for (const unsigned char byte : text.substr(1, size - 1)) {
    if ((byte & 0xc0) != 0x80) return {};
    code_point = code_point << 6 | (byte & 0x3f);
  }
  const bool is_surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  if (code_point < least[size] || code_point > 0x10ffff || is_surrogate) return {};
  return {size, code_point};
}

// Nearly every text is nothing but these. Eight at a time: ids are looked at wherever they come by. No sum
// goes beyond its byte, as the high bits are left out, and looked at by themselves.
bool is_printable_ascii(std::string_view text) {
  constexpr std::uint64_t each = 0x0101010101010101;
  const auto are_good = [](std::uint64_t word) {
    const auto low = word & each * 0x7f;
    const auto good = (low + each * 0x60) & ~(low + each) & ~word;  // from 0x20 on, no DEL, ASCII
    return (good & each * 0x80) == each * 0x80;
  };
  auto word = each * 'a';
  if (text.empty()) return true;
  if (text.size() < sizeof word) {
    std::memcpy(&word, text.data(), text.size());
    return are_good(word);
  }
  for (std::size_t at = 0; at + sizeof word < text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if (!are_good(word)) return false;
  }
  std::memcpy(&word, text.data() + text.size() - sizeof word, sizeof word);  // the last ones, some again
  return are_good(word);
}

}  // namespace

bool is_printable_utf8(std::string_view text) {
  if (is_printable_ascii(text)) return true;
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x20 || first == 0x7f) return false;
    std::size_t size = 1;
    if (first >= 0x80) {
      const auto character = read_character(text);
      if (character.size == 0 || character.code_point < 0xa0) return false;
      size = character.size;
    }
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace revoked::engine
