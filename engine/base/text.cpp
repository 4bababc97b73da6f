#include "engine/base/text.hpp"

#include <array>
#include <cstdint>

#include "engine/base/byte_words.hpp"

namespace revoked::engine {
namespace {

struct ByteSequence {
  std::size_t size = 0;  // 0: not well formed
  std::uint32_t code_point = 0;
};

// The multi-byte character at the front of `text`.
ByteSequence read_character(std::string_view text) {
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

// Fast path: nearly every text is ASCII, and ids are checked often.
bool is_printable_ascii(std::string_view text) {
  return all_bytes(text, [](std::uint64_t word) { return ascii_from(word, ' '); });
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
