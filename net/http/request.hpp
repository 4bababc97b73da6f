#pragma once
// One HTTP request, as views into the connection's buffer: valid until the handler has returned.

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"

namespace revoked::net {

enum class Method : std::uint8_t { get, head, post, put, patch, delete_, options, trace, connect, other };

// The headers that are used. Others are checked and dropped.
enum class Header : std::uint8_t {
  host,
  authorization,
  x_api_key,
  content_type,
  content_encoding,
  content_length,
  transfer_encoding,
  connection,
  expect,
  accept,
  last_event_id,
  if_none_match,
  prefer,
  idempotency_key,
  x_forwarded_for,  // the last one
  x_request_id,
  traceparent,
  x_flowplate_master_key,
  other,  // the number of headers above
};
inline constexpr std::size_t header_count = static_cast<std::size_t>(Header::other);

struct Request {
  Method method = Method::other;
  std::string_view method_name;
  std::string_view path;   // as sent, percent-encoded; "*": the server as a whole (OPTIONS, CONNECT)
  std::string_view query;  // after the '?', as sent
  std::array<std::string_view, header_count> headers{};
  std::string_view header_lines;  // all of them, as sent, checked
  std::string_view body;
  std::string_view remote_address;
  // Of this request: X-Request-Id if it is usable, else the trace-id of traceparent, else generated.
  std::string_view id;
  bool is_http_1_0 = false;
  bool keep_alive = true;
  bool is_forwarded = false;  // by another engine (net/api/peer.hpp)

  // The head gives the body's size, or the body is chunked.
  std::uint64_t content_length = 0;
  bool is_chunked = false;
  bool expects_continue = false;

  std::string_view operator[](Header header) const { return headers[static_cast<std::size_t>(header)]; }
  std::string_view& operator[](Header header) { return headers[static_cast<std::size_t>(header)]; }
};

// The text after "Bearer " (any letter case) in Authorization; empty if there is none.
std::string_view bearer_of(const Request& request);
// The same, or else the value of X-API-Key.
std::string_view credential_of(const Request& request);

// The next value of the header `name` (any letter case) in `lines`, of which the line and those before it are
// removed. Start with `header_lines`. Its data() is null when there is no more.
std::string_view next_value(std::string_view& lines, std::string_view name);

// The trace-id of a W3C Trace Context `traceparent` (Level 1, section 3.2); empty if absent or malformed.
std::string_view trace_id_of(const Request& request);
// The `traceparent` of a request that is sent because of this one: the same trace, a new parent-id. Empty if
// this one has none that is valid.
std::string next_traceparent(const Request& request);

// Removes the text before the separator, and the separator, from the front of `rest`, and returns that text.
std::string_view take_until(std::string_view& rest, char separator);
// Without blanks at either end.
std::string_view trim(std::string_view text);

// ASCII only.
bool equal_ignoring_case(std::string_view a, std::string_view b);
// Whether a comma-separated list has the token, ignoring case.
bool has_token(std::string_view list, std::string_view token);

// N of `Prefer: wait=N` (RFC 7240, 4.3), at most `longest`; empty: no such preference. errc::malformed: not a
// number of seconds.
engine::result<std::optional<std::chrono::seconds>> preferred_wait(const Request& request,
                                                                   std::chrono::seconds longest);
inline constexpr std::string_view malformed_wait = "Prefer: wait must be a whole number of seconds";

}  // namespace revoked::net
