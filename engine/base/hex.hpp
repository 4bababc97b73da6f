#pragma once
// Hexadecimal digits by table: there are millions of digests, and a branch per digit would be mispredicted
// half of the time. (UUIDs: uuid.hpp.)

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace revoked::engine::hex {

inline constexpr std::uint8_t upper_case = 0x10;
inline constexpr std::uint8_t no_digit = 0x20;

// For each character: the digit's value, with `upper_case` added for A to F; or `no_digit`.
inline constexpr auto values = [] {
  std::array<std::uint8_t, 256> made{};
  made.fill(no_digit);
  for (std::uint8_t i = 0; i < 10; ++i) made[static_cast<std::size_t>('0' + i)] = i;
  for (std::uint8_t i = 10; i < 16; ++i) {
    made[static_cast<std::size_t>('a' + i - 10)] = i;
    made[static_cast<std::size_t>('A' + i - 10)] = upper_case | i;
  }
  return made;
}();

inline std::uint8_t value_of(char c) { return values[static_cast<std::uint8_t>(c)]; }

// Decodes 2 * `count` characters into `count` bytes. Returns which of `upper_case` and `no_digit` occurred: 0
// if all were lower-case digits.
inline std::uint8_t decode(const char* text, std::size_t count, std::uint8_t* bytes) {
  std::uint8_t seen = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto high = value_of(text[2 * i]);
    const auto low = value_of(text[2 * i + 1]);
    seen |= high | low;
    bytes[i] = static_cast<std::uint8_t>((high & 15) << 4 | (low & 15));
  }
  return seen & (upper_case | no_digit);
}

// Appends two digits, in lower case, for each byte.
template <class Bytes>
void append(std::string& out, const Bytes& bytes) {
  for (const std::uint8_t byte : bytes) {
    out.push_back("0123456789abcdef"[byte >> 4]);
    out.push_back("0123456789abcdef"[byte & 15]);
  }
}

}  // namespace revoked::engine::hex
