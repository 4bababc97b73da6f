#pragma once
// Which bodies the native routes take, by what their heads say (RFC 9110, sections 8.3 and 8.4).

#include <string_view>

#include "net/http/request.hpp"

namespace revoked::net {

inline constexpr std::string_view taken_types =
    "application/json, application/x-ndjson, application/jsonl, text/plain";

// What is wrong with the body that is announced, for people; empty: nothing, or there is none. Types that
// programs give by default (curl's application/x-www-form-urlencoded) say nothing and pass.
std::string_view refuse_coding(const Request& request);
std::string_view refuse_type(const Request& request);

// UTF-16 or UTF-32, which no reader of UTF-8 would understand a line of.
bool is_wide_text(std::string_view body);

}  // namespace revoked::net
