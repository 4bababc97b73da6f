#include "net/http/request.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "engine/base/character_set.hpp"
#include "engine/base/hex.hpp"
#include "engine/base/random.hpp"

namespace revoked::net {
namespace {

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

std::string_view next_value(std::string_view& lines, std::string_view name) {
  while (!lines.empty()) {
    auto line = take_until(lines, '\n');
    line.remove_suffix(1);  // the CR
    if (!equal_ignoring_case(take_until(line, ':'), name)) continue;
    const auto value = trim(line);
    return value.empty() ? std::string_view("") : value;
  }
  return {};
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
    if (is_dash ? c != '-' : !engine::lower_case_hex_digits.has(c)) return {};
  }
  const auto trace_id = value.substr(3, 32);
  const auto is_zero = [](std::string_view text) {
    return text.find_first_not_of('0') == std::string_view::npos;
  };
  return is_zero(trace_id) || is_zero(value.substr(36, 16)) ? std::string_view() : trace_id;
}

std::string next_traceparent(const Request& request) {
  const auto trace_id = trace_id_of(request);
  if (trace_id.empty()) return {};
  std::array<unsigned char, 8> parent{};
  engine::random_bytes(parent.data(), parent.size());
  parent.back() |= 1U;  // all zero is not valid
  // Of the flags, those that are defined (Level 2): sampled, random.
  const char flags = request[Header::traceparent][54];
  const auto known = engine::hex::value_of(flags) & 3;
  std::string value = "00-";
  value.append(trace_id).append("-");
  engine::hex::append(value, parent);
  value.append("-0");
  value.push_back(static_cast<char>('0' + known));
  return value;
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

engine::result<std::optional<std::chrono::seconds>> preferred_wait(const Request& request,
                                                                   std::chrono::seconds longest) {
  auto list = request[Header::prefer];
  while (!list.empty()) {
    auto preference = trim(take_until(list, ','));
    preference = trim(take_until(preference, ';'));  // without its parameters
    if (!equal_ignoring_case(trim(take_until(preference, '=')), "wait")) continue;
    auto value = trim(preference);
    if (value.size() > 2 && value.starts_with('"') && value.ends_with('"')) {
      value.remove_prefix(1);
      value.remove_suffix(1);
    }
    unsigned count = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), count);
    if (read.ptr != value.data() + value.size() || read.ec == std::errc::invalid_argument)
      return engine::errc::malformed;
    const bool is_long = read.ec != std::errc() || count > longest.count();
    return std::optional(is_long ? longest : std::chrono::seconds(count));
  }
  return std::optional<std::chrono::seconds>();
}

}  // namespace revoked::net
