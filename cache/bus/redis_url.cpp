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
constexpr std::uint16_t usual_redis_port = 6379;
constexpr std::uint16_t usual_sentinel_port = 26379;

constexpr std::size_t max_primary_name = 128;
constexpr auto primary_name_characters = engine::letters_and_digits | engine::CharacterSet(".-_");

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

// "host[:port][,host[:port]…]"
bool parse_servers(std::string_view text, std::uint16_t usual_port, std::vector<RedisServer>& servers) {
  for (;;) {
    const auto comma = std::min(text.find(','), text.size());
    RedisServer server{{}, usual_port};
    if (!parse_endpoint(text.substr(0, comma), server.host, server.port)) return false;
    servers.push_back(std::move(server));
    if (comma == text.size()) return servers.size() <= RedisAddress::max_servers;
    text.remove_prefix(comma + 1);
  }
}

// "/NAME", which is cut off.
bool parse_primary_name(std::string_view& text, std::string& name) {
  if (text.empty()) return false;
  name = text.substr(1, text.find('/', 1) - 1);
  text.remove_prefix(1 + name.size());
  return !name.empty() && name.size() <= max_primary_name && primary_name_characters.has_all(name);
}

bool remove_prefix(std::string_view& text, std::string_view prefix) {
  const bool has_it = text.starts_with(prefix);
  if (has_it) text.remove_prefix(prefix.size());
  return has_it;
}

bool parse_unix_path(std::string_view path, std::string& out) {
  const bool clean = std::none_of(path.begin(), path.end(), [](char c) { return c >= 0 && c < ' '; });
  if (!path.starts_with('/') || path.size() < 2 || path.size() > max_unix_path || !clean) return false;
  out = path;
  return true;
}

}  // namespace

engine::result<RedisAddress> parse_redis_url(std::string_view url) {
  RedisAddress address;
  if (remove_prefix(url, "unix://")) {
    if (!parse_unix_path(url, address.unix_path)) return engine::errc::malformed;
    return address;
  }
  if (!remove_prefix(url, "redis")) return engine::errc::malformed;
  address.uses_tls = remove_prefix(url, "s");
  const bool is_of_sentinels = remove_prefix(url, "+sentinel");
  if (!remove_prefix(url, "://")) return engine::errc::malformed;
  auto authority = url.substr(0, url.find('/'));
  url.remove_prefix(authority.size());
  if (const auto at = authority.find('@'); at != authority.npos) {
    if (!parse_user_info(authority.substr(0, at), address)) return engine::errc::malformed;
    authority.remove_prefix(at + 1);
  }
  const auto usual_port = is_of_sentinels ? usual_sentinel_port : usual_redis_port;
  if (!parse_servers(authority, usual_port, address.servers)) return engine::errc::malformed;
  if (is_of_sentinels && !parse_primary_name(url, address.primary_name)) return engine::errc::malformed;
  if (!url.empty() && !parse_database(url.substr(1), address.database)) return engine::errc::malformed;
  return address;
}

std::string to_string(const RedisServer& server) { return format_endpoint(server.host, server.port); }

std::string to_string(const RedisAddress& address) {
  if (!address.unix_path.empty()) return "unix://" + address.unix_path;
  std::string text = address.uses_tls ? "rediss" : "redis";
  text += address.primary_name.empty() ? "://" : "+sentinel://";
  for (const auto& server : address.servers) text += (text.ends_with('/') ? "" : ",") + to_string(server);
  if (!address.primary_name.empty()) text += "/" + address.primary_name;
  if (address.database != 0) text += "/" + std::to_string(address.database);
  return text;
}

}  // namespace revoked::cache
