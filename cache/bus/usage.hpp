#pragma once
// A gateway's report of the use of keys. One JSON object, to POST /v1/gateways/report (format:
// docs/protocol.md). Any thread.

#include <boost/asio/ip/address.hpp>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/model/usage.hpp"

namespace revoked::cache {

inline constexpr std::size_t max_usage_bytes = 512 << 10;
inline constexpr std::size_t max_reported_keys = 4096;  // of each kind, in one report
inline constexpr std::size_t max_batch_id_size = 64;
// What a gateway puts into one report: about this many bytes of each kind.
inline constexpr std::size_t usual_usage_bytes = 128 << 10;

std::string encode_usage(const engine::Usage& usage);

// Whether it has the member `batch`, which a report of usage has and one of a position has not.
bool may_be_usage(std::string_view json);
// Requires gateway and batch; unknown members are ignored, but those of a position are errc::malformed, as is
// anything out of its form.
engine::result<engine::Usage> decode_usage(std::string_view json);

// The address in text, whatever port follows it. Unspecified: there is none.
boost::asio::ip::address read_address(std::string_view text);
// The network of an address as text: 192.0.2.0/24, 2001:db8:1::/48.
std::string network_of(const boost::asio::ip::address& address);
bool is_network(std::string_view text);  // as network_of() writes it

}  // namespace revoked::cache
