#pragma once
// Checks text eight bytes at a time. No sum carries into the next byte: high bits are masked out and checked
// separately (H. S. Warren, Hacker's Delight, section 6-1).

#include <cstdint>
#include <cstring>
#include <string_view>

namespace revoked::engine {

inline constexpr std::uint64_t each_byte = 0x0101010101010101;

// The high bit of each byte that is an ASCII character from `first` on, but not DEL.
constexpr std::uint64_t ascii_from(std::uint64_t word, char first) {
  const auto low = word & each_byte * 0x7f;
  return (low + each_byte * (0x80u - static_cast<unsigned char>(first))) & ~(low + each_byte) & ~word;
}
// The high bit of each byte that is not `c`, an ASCII character; undefined for bytes that are not ASCII.
constexpr std::uint64_t ascii_but(std::uint64_t word, char c) {
  return ((word & each_byte * 0x7f) ^ each_byte * static_cast<unsigned char>(c)) + each_byte * 0x7f;
}

// Whether good_bytes(word) has all high bits set for every word of the text. Short texts are padded with 'a',
// for which it must have them.
template <class GoodBytes>
bool all_bytes(std::string_view text, const GoodBytes& good_bytes) {
  const auto are_good = [&](std::uint64_t word) {
    return (good_bytes(word) & each_byte * 0x80) == each_byte * 0x80;
  };
  auto word = each_byte * 'a';
  if (text.size() < sizeof word) {
    text.copy(reinterpret_cast<char*>(&word), text.size());
    return are_good(word);
  }
  for (std::size_t at = 0; at + sizeof word < text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if (!are_good(word)) return false;
  }
  std::memcpy(&word, text.data() + text.size() - sizeof word, sizeof word);  // may overlap
  return are_good(word);
}

}  // namespace revoked::engine
