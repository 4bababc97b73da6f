// Parses and formats Redis addresses.
#include <algorithm>
#include <charconv>
#include <optional>

#include "cache/bus/redis.hpp"
#include "cache/wire/endpoint.hpp"
#include "engine/base/character_set.hpp"
#include "engine/base/percent.hpp"

namespace revoked::cache {
namespace {

constexpr std::size_t max_unix_path = 107;  // sun_path, without its terminating zero
constexpr int max_database = 1'000'000;

// RFC 3986, section 3.2.1: what is not allowed in the user information must be percent-encoded.
constexpr auto reserved_characters = engine::CharacterSet::range(0, ' ') |
                                     engine::CharacterSet::range(0x7f, 0xff) |
                                     engine::CharacterSet("/?#[]@:");

std::optional<std::string> decode(std::string_view text) {
  if (std::ranges::any_of(text, [](char c) { return reserved_characters.has(c); })) return {};
  std::string out;
  if (!engine::percent_decode(text, out)) return {};
  return out;
}

bool parse_user_info(std::string_view text, RedisAddress& address) {
  const auto colon = text.find(':');
  if (colon == text.npos) return false;
  auto user = decode(text.substr(0, colon));
  auto password = decode(text.substr(colon + 1));
  if (!user || !password || password->empty()) return false;
  address.user = std::move(*user);
  address.password = std::move(*password);
  return true;
}

bool parse_database(std::string_view text, int& database) {
  if (text.empty()) return true;  // "redis://host/"
  const bool digits = engine::digits.has_all(text);
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), database);
  return digits && parsed.ec == std::errc{} && database <= max_database;
}

}  // namespace

engine::result<RedisAddress> parse_redis_url(std::string_view url) {
  constexpr std::string_view tcp_scheme = "redis://";
  constexpr std::string_view unix_scheme = "unix://";
  RedisAddress address;
  if (url.starts_with(unix_scheme)) {
    const auto path = url.substr(unix_scheme.size());
    const bool clean = std::none_of(path.begin(), path.end(), [](char c) { return c >= 0 && c < ' '; });
    if (!path.starts_with('/') || path.size() < 2 || path.size() > max_unix_path || !clean)
      return engine::errc::malformed;
    address.unix_path = path;
    return address;
  }
  if (!url.starts_with(tcp_scheme)) return engine::errc::malformed;
  auto rest = url.substr(tcp_scheme.size());
  auto authority = rest.substr(0, rest.find('/'));
  rest.remove_prefix(authority.size());
  if (const auto at = authority.find('@'); at != authority.npos) {
    if (!parse_user_info(authority.substr(0, at), address)) return engine::errc::malformed;
    authority.remove_prefix(at + 1);
  }
  if (!parse_endpoint(authority, address.host, address.port)) return engine::errc::malformed;
  if (!rest.empty() && !parse_database(rest.substr(1), address.database)) return engine::errc::malformed;
  return address;
}

std::string to_string(const RedisAddress& address) {
  if (!address.unix_path.empty()) return "unix://" + address.unix_path;
  std::string text = "redis://" + format_endpoint(address.host, address.port);
  if (address.database != 0) text += "/" + std::to_string(address.database);
  return text;
}

}  // namespace revoked::cache
