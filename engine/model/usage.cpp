#include "engine/model/usage.hpp"

#include <cstring>

namespace revoked::engine {

std::string join_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) {
    if (!text.empty()) text.push_back('\n');
    text.append(line);
  }
  return text;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string encode_attempts(const Attempts& attempts) {
  return {reinterpret_cast<const char*>(&attempts), sizeof attempts};  // little endian, like the journal
}

Attempts decode_attempts(std::string_view bytes) {
  Attempts attempts;
  if (bytes.size() == sizeof attempts) std::memcpy(&attempts, bytes.data(), sizeof attempts);
  return attempts;
}

}  // namespace revoked::engine
