#include "engine/model/ids.hpp"

#include "engine/base/character_set.hpp"
#include "engine/base/random.hpp"
#include "engine/base/text.hpp"
#include "engine/base/uuid.hpp"

namespace revoked::engine {
namespace {

constexpr auto key_id_characters = CharacterSet::range(0x21, 0x7e) - CharacterSet("/?#%\\\"");
constexpr auto journal_id_characters = digits | lower_case_letters;

// Dot segments of a path (RFC 3986).
bool is_dots(std::string_view text) { return text == "." || text == ".."; }

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
  return !text.empty() && text.size() <= max_key_id_size && !is_dots(text) && key_id_characters.has_all(text);
}

bool is_owner_id(std::string_view text) {
  return !text.empty() && text.size() <= max_owner_id_size && !is_dots(text) && is_printable_utf8(text);
}

std::string new_random_id() {
  constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  std::array<std::uint8_t, 14> bytes;
  random_bytes(bytes.data(), bytes.size());
  std::string id;
  for (const auto byte : bytes) id.push_back(alphabet[byte % alphabet.size()]);
  return id;
}

bool is_journal_id(std::string_view text) {
  constexpr std::size_t max_journal_id_size = 32;
  return !text.empty() && text.size() <= max_journal_id_size && journal_id_characters.has_all(text);
}

std::string new_key_id(UnixMs now) {
  std::array<std::uint8_t, 16> bytes;
  random_bytes(bytes.data() + 6, 10);
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(now >> (8 * (5 - i)));
  bytes[6] = static_cast<std::uint8_t>(0x70 | (bytes[6] & 0x0f));
  bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3f));
  std::string text(uuid_text_size, '\0');
  write_uuid(std::bit_cast<Uuid>(bytes), text.data());
  return text;
}

}  // namespace revoked::engine
