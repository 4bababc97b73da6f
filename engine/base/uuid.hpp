#pragma once
// UUIDs (RFC 9562) as 16 bytes and as text: 8-4-4-4-12 hexadecimal digits. Tables and near caches turn one
// into the other for every key, so both ways have no branch for a digit. Little-endian processors only.

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "engine/base/character_set.hpp"

namespace revoked::engine {

inline constexpr std::size_t uuid_text_size = 36;
using Uuid = std::array<std::uint64_t, 2>;  // the 16 bytes, as they lie in memory

namespace uuid_detail {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t in_each_byte(std::uint64_t byte) { return byte * 0x0101010101010101; }

// The digits of eight values up to 15.
constexpr std::uint64_t digits_of(std::uint64_t values) {
  const auto above_9 = (values + in_each_byte(6)) >> 4 & in_each_byte(1);
  return values + in_each_byte('0') + above_9 * ('a' - '9' - 1);
}

// Eight digits as four bytes. `wrong` becomes other than 0 unless they are digits in lower case.
constexpr std::uint64_t pack(std::uint64_t digits, std::uint64_t& wrong) {
  const auto letters = digits >> 6 & in_each_byte(1);
  const auto values = (digits & in_each_byte(15)) + letters * 9;
  wrong |= (digits_of(values) ^ digits) | (values & in_each_byte(0xf0));
  auto packed = (values << 4 | values >> 8) & 0x00ff00ff00ff00ff;
  packed = (packed | packed >> 8) & 0x0000ffff0000ffff;
  return (packed | packed >> 16) & 0xffffffff;
}

// The lowest four bytes as eight digits.
constexpr std::uint64_t unpack(std::uint64_t bytes) {
  bytes &= 0xffffffff;
  bytes = (bytes | bytes << 16) & 0x0000ffff0000ffff;
  bytes = (bytes | bytes << 8) & 0x00ff00ff00ff00ff;
  return digits_of((bytes >> 4 & 0x000f000f000f000f) | (bytes & 0x000f000f000f000f) << 8);
}

inline std::uint64_t load(std::string_view text, std::size_t at, std::size_t size) {
  std::uint64_t word = 0;
  std::memcpy(&word, text.data() + at, size);
  return word;
}

}  // namespace uuid_detail

// False unless it is canonical text, in lower case: only that comes back as it was. Whatever the version and
// variant.
inline bool parse_uuid(std::string_view text, Uuid& uuid) {
  using uuid_detail::load, uuid_detail::pack;
  if (text.size() != uuid_text_size || text[8] != '-' || text[13] != '-' || text[18] != '-' ||
      text[23] != '-')
    return false;
  std::uint64_t wrong = 0;
  uuid[0] = pack(load(text, 0, 8), wrong) | pack(load(text, 9, 4) | load(text, 14, 4) << 32, wrong) << 32;
  uuid[1] = pack(load(text, 19, 4) | load(text, 24, 4) << 32, wrong) | pack(load(text, 28, 8), wrong) << 32;
  return wrong == 0;
}

// The same of digits in either letter case.
inline bool is_uuid(std::string_view text) {
  if (text.size() != uuid_text_size) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? text[i] != '-' : !hex_digits.has(text[i])) return false;
  }
  return true;
}

// Writes uuid_text_size characters.
inline void write_uuid(const Uuid& uuid, char* text) {
  using uuid_detail::unpack;
  const auto put = [text](std::size_t at, std::uint64_t word, std::size_t size) {
    std::memcpy(text + at, &word, size);
  };
  const auto middle = unpack(uuid[0] >> 32);
  const auto end = unpack(uuid[1]);
  put(0, unpack(uuid[0]), 8);
  put(9, middle, 4);
  put(14, middle >> 32, 4);
  put(19, end, 4);
  put(24, end >> 32, 4);
  put(28, unpack(uuid[1] >> 32), 8);
  for (const std::size_t at : {8, 13, 18, 23}) text[at] = '-';
}

}  // namespace revoked::engine
