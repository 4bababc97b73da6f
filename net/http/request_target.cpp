#include "net/http/request_target.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "engine/base/character_set.hpp"
#include "engine/base/percent.hpp"

namespace revoked::net {
namespace {

using engine::CharacterSet;
constexpr auto plain_host_characters = engine::letters_and_digits | CharacterSet("-._~!$&'()*+,;=");
constexpr auto host_characters = plain_host_characters | CharacterSet("%");  // RFC 3986, 3.2.2: reg-name
constexpr auto target_characters =
    engine::letters_and_digits |
    CharacterSet("-._~:/?[]@!$&'()*+,;=%|^`{}\\\"<>");  // and what browsers send unencoded

bool is_port(std::string_view text) {  // RFC 3986, 3.2.3: it may be empty
  constexpr unsigned most = 65535;
  unsigned port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    port = std::min(port * 10 + static_cast<unsigned>(c - '0'), most + 1);
  }
  return port <= most;
}

// The text between the brackets: no zone, which RFC 3986, 3.2.2, does not allow, and no address of a future
// version, which cannot be reached.
bool is_ipv6(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof terminated) return false;
  terminated[text.copy(terminated, text.size())] = 0;
  in6_addr address;
  return ::inet_pton(AF_INET6, terminated, &address) == 1;
}

// In brackets or percent-encoded.
bool is_odd_host(std::string_view text) {
  const bool is_literal = text.front() == '[';
  const auto end = is_literal ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == std::string_view::npos || end == 0) return false;
  const auto name = text.substr(0, end);
  const auto port = text.substr(is_literal ? end + 1 : end);
  if (!port.empty() && (port.front() != ':' || !is_port(port.substr(1)))) return false;
  return is_literal ? is_ipv6(name.substr(1))
                    : host_characters.has_all(name) && engine::is_percent_encoded(name);
}

// Takes scheme and authority off a target in absolute-form (RFC 9112, 3.2.2). False: there is no authority.
bool take_authority(std::string_view& target, std::string_view& authority) {
  constexpr std::string_view scheme = "http://";
  if (!equal_ignoring_case(target.substr(0, scheme.size()), scheme)) return true;
  target.remove_prefix(scheme.size());
  authority = target.substr(0, target.find_first_of("/?"));
  target.remove_prefix(authority.size());
  return !authority.empty();
}

}  // namespace

bool is_host(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && plain_host_characters.has(text[end])) ++end;
  if (end == text.size()) return true;
  if (end != 0 && text[end] == ':') return is_port(text.substr(end + 1));
  return is_odd_host(text);
}

bool read_target(std::string_view target, Request& request, std::string_view& authority) {
  if (!target_characters.has_all(target)) return false;
  if (request.method == Method::connect && !target.empty() && !target.starts_with('/')) {
    authority = target;
    request.path = "*";  // the server as a whole
    return true;
  }
  if (!target.starts_with('/') && !take_authority(target, authority)) return false;
  const bool is_absolute = !authority.empty();
  const auto question = std::min(target.find('?'), target.size());
  request.path = target.substr(0, question);
  request.query = target.substr(std::min(question + 1, target.size()));
  const bool is_options = request.method == Method::options;
  if (is_absolute && request.path.empty()) request.path = is_options && target.empty() ? "*" : "/";
  return request.path.starts_with('/') || (is_options && (is_absolute ? target.empty() : target == "*"));
}

}  // namespace revoked::net
