#pragma once
// The headers that are used, and which of them may be there only once. Constant.

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "net/http/request.hpp"

namespace revoked::net {

struct KnownHeader {
  std::string_view name;
  Header header;
  bool single;  // more than one is refused: two readers could use different ones
};
inline constexpr KnownHeader known_headers[] = {
    // by size
    {"host", Header::host, true},
    {"expect", Header::expect, true},
    {"accept", Header::accept, false},
    {"prefer", Header::prefer, false},
    {"x-api-key", Header::x_api_key, true},
    {"connection", Header::connection, false},
    {"traceparent", Header::traceparent, false},
    {"content-type", Header::content_type, true},
    {"x-request-id", Header::x_request_id, false},
    {"authorization", Header::authorization, true},
    {"last-event-id", Header::last_event_id, true},
    {"if-none-match", Header::if_none_match, false},
    {"content-length", Header::content_length, true},
    {"idempotency-key", Header::idempotency_key, true},
    {"x-forwarded-for", Header::x_forwarded_for, false},
    {"content-encoding", Header::content_encoding, true},
    {"transfer-encoding", Header::transfer_encoding, true},
    {"x-flowplate-master-key", Header::x_flowplate_master_key, true},
};
inline constexpr std::size_t max_known_size = std::end(known_headers)[-1].name.size();
static_assert(std::size(known_headers) == header_count);
static_assert(std::is_sorted(std::begin(known_headers), std::end(known_headers),
                             [](const auto& a, const auto& b) { return a.name.size() < b.name.size(); }));

// Index of the first header of each size.
constexpr std::array<std::uint8_t, max_known_size + 2> make_known_by_size() {
  std::array<std::uint8_t, max_known_size + 2> first{};
  for (const auto& known : known_headers) {
    for (auto size = known.name.size() + 1; size < first.size(); ++size) ++first[size];
  }
  return first;
}
inline constexpr auto known_by_size = make_known_by_size();

// `lower_case_name` has at most max_known_size bytes. Null: not used.
inline const KnownHeader* find_known(std::string_view lower_case_name) {
  const auto size = lower_case_name.size();
  for (auto i = known_by_size[size]; i < known_by_size[size + 1]; ++i) {
    if (known_headers[i].name == lower_case_name) return &known_headers[i];
  }
  return nullptr;
}

}  // namespace revoked::net
