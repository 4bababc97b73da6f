#include "engine/base/percent.hpp"

#include <cstdint>

#include "engine/base/byte_words.hpp"
#include "engine/base/hex.hpp"

namespace revoked::engine {

bool percent_decode(std::string_view text, std::string& out) {
  while (true) {
    const auto percent = text.find('%');
    out.append(text.substr(0, percent));
    if (percent == std::string_view::npos) return true;
    std::uint8_t byte = 0;
    if (percent + 2 >= text.size() || (hex::decode(&text[percent + 1], 1, &byte) & hex::no_digit) != 0)
      return false;
    out.push_back(static_cast<char>(byte));
    text.remove_prefix(percent + 3);
  }
}

bool is_percent_encoded(std::string_view text) {
  for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 3)) {
    std::uint8_t byte = 0;
    if (at + 2 >= text.size() || (hex::decode(&text[at + 1], 1, &byte) & hex::no_digit) != 0) return false;
  }
  return true;
}

// Gateways ask this of each answer.
bool is_visible(std::string_view text, char first) {
  return all_bytes(text, [&](std::uint64_t word) { return ascii_from(word, first) & ascii_but(word, '%'); });
}

void percent_encode(std::string_view text, std::string& out, char first) {
  for (const char c : text) {
    if (is_visible({&c, 1}, first)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back("0123456789ABCDEF"[byte >> 4]);
    out.push_back("0123456789ABCDEF"[byte & 15]);
  }
}

}  // namespace revoked::engine
