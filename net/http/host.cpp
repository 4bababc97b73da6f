#include "net/http/host.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "engine/base/percent.hpp"

namespace revoked::net {
namespace {

constexpr auto host_characters =
    plain_host_characters | engine::CharacterSet("%");  // RFC 3986, 3.2.2: reg-name

// The text between the brackets: no zone, which RFC 3986, 3.2.2, does not allow, and no address of a future
// version, which cannot be reached.
bool is_ipv6(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof terminated) return false;
  terminated[text.copy(terminated, text.size())] = 0;
  in6_addr address;
  return ::inet_pton(AF_INET6, terminated, &address) == 1;
}

}  // namespace

bool is_unusual_host(std::string_view text) {
  const bool is_literal = text.front() == '[';
  const auto end = is_literal ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == std::string_view::npos || end == 0) return false;
  const auto name = text.substr(0, end);
  const auto port = text.substr(is_literal ? end + 1 : end);
  if (!port.empty() && (port.front() != ':' || !is_port(port.substr(1)))) return false;
  return is_literal ? is_ipv6(name.substr(1))
                    : host_characters.has_all(name) && engine::is_percent_encoded(name);
}

}  // namespace revoked::net
