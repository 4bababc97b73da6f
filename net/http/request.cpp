#include "net/http/request.hpp"

#include <algorithm>

#include "engine/base/byte_words.hpp"
#include "engine/base/hex.hpp"

namespace revoked::net {
namespace {

namespace hex = engine::hex;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

std::string_view bearer_of(const Request& request) {
  constexpr std::string_view scheme = "Bearer ";
  auto value = request[Header::authorization];
  if (value.size() <= scheme.size() || !equal_ignoring_case(value.substr(0, scheme.size()), scheme))
    return {};
  value.remove_prefix(scheme.size());
  while (value.starts_with(' ')) value.remove_prefix(1);
  return value;
}

std::string_view credential_of(const Request& request) {
  const auto bearer = bearer_of(request);
  return bearer.empty() ? request[Header::x_api_key] : bearer;
}

std::string_view trace_id_of(const Request& request) {
  // version "-" trace-id "-" parent-id "-" flags, in lower-case hexadecimal; later versions may append to
  // that.
  constexpr std::size_t size = 2 + 1 + 32 + 1 + 16 + 1 + 2;
  const auto value = request[Header::traceparent];
  if (value.size() < size || value.starts_with("ff")) return {};
  if (value.size() > size && (value.starts_with("00") || value[size] != '-')) return {};
  for (std::size_t i = 0; i < size; ++i) {
    const bool is_dash = i == 2 || i == 35 || i == 52;
    const char c = value[i];
    if (is_dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return {};
  }
  const auto trace_id = value.substr(3, 32);
  const auto is_zero = [](std::string_view text) {
    return text.find_first_not_of('0') == std::string_view::npos;
  };
  return is_zero(trace_id) || is_zero(value.substr(36, 16)) ? std::string_view() : trace_id;
}

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

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view take_until(std::string_view& rest, char separator) {
  const auto at = rest.find(separator);
  const auto item = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return item;
}

// Gateways call this for each answer.
bool is_visible(std::string_view text, char first) {
  return engine::all_bytes(text, [&](std::uint64_t word) {
    return engine::ascii_from(word, first) & engine::ascii_but(word, '%');
  });
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

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    if (equal_ignoring_case(trim(take_until(list, ',')), token)) return true;
  }
  return false;
}

}  // namespace revoked::net
