#include "engine/ids.hpp"

#include <openssl/rand.h>

#include <stdexcept>

namespace revoked::engine {
namespace {

constexpr std::array<bool, 256> alphabet(std::string_view extra) {
  std::array<bool, 256> table{};
  for (int c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (const unsigned char c : extra) table[c] = true;
  return table;
}

bool is_id(std::string_view text, const std::array<bool, 256>& allowed) {
  if (text.empty() || text.size() > max_id_size) return false;
  for (const unsigned char c : text) {
    if (!allowed[c]) return false;
  }
  return true;
}

}  // namespace

std::string_view to_string(Scope scope) {
  switch (scope) {
    case Scope::user:
      return "user";
    case Scope::application:
      return "application";
    case Scope::workspace:
      return "workspace";
  }
  return "unknown";
}

bool is_key_id(std::string_view text) {
  static constexpr auto allowed = alphabet("._~-");
  return is_id(text, allowed);
}

bool is_owner_id(std::string_view text) {
  static constexpr auto allowed = alphabet("._~-@:+");
  return is_id(text, allowed);
}

void random_bytes(void* out, std::size_t size) {
  if (RAND_bytes(static_cast<unsigned char*>(out), static_cast<int>(size)) != 1) {
    throw std::runtime_error("the system's random generator failed");
  }
}

std::string new_journal_id() {
  constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  std::array<std::uint8_t, 14> bytes;
  random_bytes(bytes.data(), bytes.size());
  std::string id;
  for (const auto byte : bytes) id.push_back(alphabet[byte % alphabet.size()]);
  return id;
}

bool is_journal_id(std::string_view text) {
  constexpr std::size_t max_journal_id_size = 32;
  if (text.empty() || text.size() > max_journal_id_size) return false;
  for (const char c : text) {
    if ((c < '0' || c > '9') && (c < 'a' || c > 'z')) return false;
  }
  return true;
}

std::string new_key_id(UnixMs now) {
  std::array<std::uint8_t, 16> bytes;
  random_bytes(bytes.data() + 6, 10);
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(now >> (8 * (5 - i)));
  bytes[6] = static_cast<std::uint8_t>(0x70 | (bytes[6] & 0x0f));
  bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3f));
  std::string text;
  text.reserve(36);
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    text.push_back("0123456789abcdef"[bytes[i] >> 4]);
    text.push_back("0123456789abcdef"[bytes[i] & 15]);
  }
  return text;
}

}  // namespace revoked::engine
