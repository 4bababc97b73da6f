#pragma once
// The report of a gateway: up to which position it has applied all events, and what follows if it cannot
// report again. One JSON object, on `acks_channel` or to POST /v1/gateways/report (format: docs/protocol.md).
// Any thread.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/model/position.hpp"

namespace revoked::cache {

// What a gateway does while it is stale.
enum class WhenStale { deny, ask, serve };

// What a gateway knows of the engine's events.
enum class Coverage {
  fresh,      // the lease is valid
  repairing,  // the lease is valid, missing events are being read
  stale,
};

std::string_view to_string(WhenStale policy);
std::string_view to_string(Coverage coverage);  // "current", "repairing", "stale"

inline constexpr std::size_t max_gateway_name_size = 128;
inline constexpr std::size_t max_gateway_version_size = 64;
inline constexpr std::size_t max_gateway_instance_size = 32;  // letters and digits
// Printable UTF-8, not empty.
bool is_gateway_name(std::string_view name);

struct Report {
  std::string gateway;
  // The process: drawn at random when it starts. Two gateways with one name differ in it, and so does one
  // that has restarted. Empty: not reported.
  std::string instance{};
  // Grows with each report of the instance, so that one that was delayed or is sent again by somebody else is
  // known as old. 0: not reported.
  std::uint64_t number = 0;
  engine::Position applied;
  std::string journal{};  // the journal id of its epoch; empty: not reported
  // Of a gateway that does not report them: nothing that would prove that it denies.
  Coverage coverage = Coverage::stale;
  WhenStale when_stale = WhenStale::serve;
  std::chrono::milliseconds lease{0};  // 0: not reported
  std::string version{};
  bool is_leaving = false;  // it stops, and decides nothing more
};

std::string encode_report(const Report& report);
// Requires gateway, epoch and sequence; unknown members are ignored. errc::malformed otherwise.
engine::result<Report> decode_report(std::string_view json);

}  // namespace revoked::cache
