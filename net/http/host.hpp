#pragma once
// The host that a request is for (RFC 9110, section 7.2). What nearly every request has is inline. Pure
// functions.

#include <algorithm>
#include <string_view>

#include "engine/base/character_set.hpp"

namespace revoked::net {

inline constexpr auto plain_host_characters =
    engine::letters_and_digits | engine::CharacterSet("-._~!$&'()*+,;=");

inline bool is_port(std::string_view text) {  // RFC 3986, 3.2.3: it may be empty
  constexpr unsigned most = 65535;
  unsigned port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    port = std::min(port * 10 + static_cast<unsigned>(c - '0'), most + 1);
  }
  return port <= most;
}

// In brackets or percent-encoded. `text` is not empty.
bool is_unusual_host(std::string_view text);

// uri-host [ ":" port ], or empty, if the target has no authority.
inline bool is_host(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && plain_host_characters.has(text[end])) ++end;
  if (end == text.size()) return true;
  if (end != 0 && text[end] == ':') return is_port(text.substr(end + 1));
  return is_unusual_host(text);
}

}  // namespace revoked::net
