#pragma once
// Which bodies the native routes accept, judged by their headers (RFC 9110, sections 8.3 and 8.4).

#include <string_view>

#include "net/http/request.hpp"

namespace revoked::net {

inline constexpr std::string_view taken_types =
    "application/json, application/x-ndjson, application/jsonl, text/plain";

// What is wrong with the announced body, for people; empty: nothing, or there is no body. Default types of
// client programs (curl's application/x-www-form-urlencoded) are accepted.
std::string_view refuse_coding(const Request& request);
std::string_view refuse_type(const Request& request);

// UTF-16 or UTF-32: no line of it is valid JSON in UTF-8.
bool is_wide_text(std::string_view body);

}  // namespace revoked::net
