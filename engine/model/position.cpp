#include "engine/model/position.hpp"

#include <charconv>

namespace revoked::engine {

void append_number(std::string& out, std::uint64_t number) {
  char text[20];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  out.append(text, end);
}

void append_position(std::string& out, Position position) {
  constexpr std::size_t digits = 20;  // of 64 bits
  char text[2 * digits + 1];
  char* at = std::to_chars(text, text + digits, position.epoch).ptr;
  *at++ = '-';
  at = std::to_chars(at, at + digits, position.sequence).ptr;
  out.append(text, at);
}

std::string to_string(Position position) {
  std::string text;
  append_position(text, position);
  return text;
}

std::optional<Position> parse_position(std::string_view text) {
  Position position;
  const char* const end = text.data() + text.size();
  const auto epoch = std::from_chars(text.data(), end, position.epoch);
  if (epoch.ec != std::errc{} || epoch.ptr == end || *epoch.ptr != '-') return {};
  const auto sequence = std::from_chars(epoch.ptr + 1, end, position.sequence);
  if (sequence.ec != std::errc{} || sequence.ptr != end) return {};
  return position;
}

}  // namespace revoked::engine
