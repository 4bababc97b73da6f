#include "cache/edge/cached_decision.hpp"

#include <cstring>

namespace revoked::cache {
namespace {

constexpr std::size_t uuid_bytes = 16;
constexpr std::uint8_t uuid_size = 0xff;  // in place of an id's size

constexpr bool has_dash_before(std::size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

// -1 for anything but a lower-case hexadecimal digit: upper case would not be restored.
int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool pack_uuid(std::string_view text, std::uint8_t* out) {
  if (text.size() != 36) return false;
  std::size_t at = 0;
  for (std::size_t i = 0; i < uuid_bytes; ++i) {
    if (has_dash_before(i) && text[at++] != '-') return false;
    const int high = nibble(text[at++]);
    const int low = nibble(text[at++]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

// The eight hexadecimal digits of four bytes in one word.
std::uint64_t digits_of(const std::uint8_t* bytes) {
  std::uint64_t word = std::uint64_t{bytes[0]} << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
  word = (word | word << 16) & 0x0000ffff0000ffffu;
  word = (word | word << 8) & 0x00ff00ff00ff00ffu;
  word = (word | word << 4) & 0x0f0f0f0f0f0f0f0fu;
  const auto is_letter = (word + 0x0606060606060606u) >> 4 & 0x0101010101010101u;
  return __builtin_bswap64(word + 0x3030303030303030u + is_letter * ('a' - '0' - 10));
}

std::string_view unpack_uuid(const std::uint8_t* bytes, IdBuffer& buffer) {
  const std::uint64_t digits[4] = {digits_of(bytes), digits_of(bytes + 4), digits_of(bytes + 8),
                                   digits_of(bytes + 12)};
  const auto put = [&buffer](std::size_t at, std::uint64_t word, std::size_t size) {
    buffer.text[at - 1] = '-';
    std::memcpy(buffer.text.data() + at, &word, size);
  };
  std::memcpy(buffer.text.data(), &digits[0], 8);
  put(9, digits[1], 4);
  put(14, digits[1] >> 32, 4);
  put(19, digits[2], 4);
  put(24, digits[2] >> 32, 4);
  std::memcpy(buffer.text.data() + 28, &digits[3], 8);
  return {buffer.text.data(), buffer.text.size()};
}

}  // namespace

bool pack(const Ids& ids, PackedIds& packed) {
  packed = {};
  auto* const bytes = reinterpret_cast<std::uint8_t*>(packed.data());
  std::size_t at = 0;
  for (const auto id : ids) {
    std::uint8_t uuid[uuid_bytes];
    const bool is_uuid = pack_uuid(id, uuid);
    const auto size = is_uuid ? uuid_bytes : id.size();
    if (size >= uuid_size || at + 1 + size > sizeof packed) return false;
    bytes[at] = is_uuid ? uuid_size : static_cast<std::uint8_t>(size);
    if (size != 0) std::memcpy(bytes + at + 1, is_uuid ? static_cast<const void*>(uuid) : id.data(), size);
    at += 1 + size;
  }
  return true;
}

std::string_view unpack(const PackedIds& packed, std::size_t which, IdBuffer& buffer) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(packed.data());
  for (; which != 0; --which) bytes += 1 + (*bytes == uuid_size ? uuid_bytes : *bytes);
  if (*bytes == uuid_size) return unpack_uuid(bytes + 1, buffer);
  return {reinterpret_cast<const char*>(bytes + 1), *bytes};
}

Ids ids_of(const Decision& decision) {
  return {decision.key_id, decision.user, decision.application, decision.workspace};
}

}  // namespace revoked::cache
