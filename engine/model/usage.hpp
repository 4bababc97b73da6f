#pragma once
// The use of keys, as gateways report it. Values.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.hpp"

namespace revoked::engine {

using Minute = std::uint32_t;  // since the Unix epoch
inline constexpr UnixMs minute_ms = 60'000;
inline constexpr UnixMs max_usage_time = UnixMs{0xffffffff} * minute_ms;

constexpr Minute minute_of(UnixMs at) {
  return static_cast<Minute>(std::clamp<UnixMs>(at, 0, max_usage_time) / minute_ms);
}
constexpr UnixMs start_of(Minute minute) { return UnixMs{minute} * minute_ms; }

// How often, and from when to when.
struct Attempts {
  std::uint64_t count = 0;
  UnixMs first_at = 0;
  UnixMs last_at = 0;

  void add(const Attempts& more) {
    if (more.count == 0) return;
    first_at = count == 0 ? more.first_at : std::min(first_at, more.first_at);
    last_at = std::max(last_at, more.last_at);
    count += more.count;
  }
  friend bool operator==(const Attempts&, const Attempts&) = default;
};

// The minute in which an allowed key was last used.
struct KeyUse {
  std::string key_id;
  Minute minute = 0;
};

// Attempts with a key that is revoked, expired, suspended or locked.
struct DeniedUse {
  std::string key_id;
  Attempts attempts;
  std::string address;  // the network of the last client: IPv4 /24 or IPv6 /48; empty: unknown
};

// What a gateway counted since its previous batch.
struct Usage {
  std::string gateway;
  std::string batch;  // differs from that of its previous batch
  std::vector<KeyUse> uses;
  std::vector<DeniedUse> denied;
  std::uint64_t dropped = 0;  // attempts that it counted and could not keep
};

// The texts of names in an event, one a line.
std::string join_lines(const std::vector<std::string>& lines);
std::vector<std::string> split_lines(std::string_view text);

std::string encode_attempts(const Attempts& attempts);
Attempts decode_attempts(std::string_view bytes);  // none if they are not the encoding of any

}  // namespace revoked::engine
