#include "net/http/content.hpp"

#include <algorithm>

namespace revoked::net {
namespace {

constexpr std::string_view types[] = {
    "application/json",
    "text/json",
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonl",
    "application/jsonlines",
    "application/x-jsonlines",
    "text/plain",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
};

bool has_body(const Request& request) { return request.is_chunked || request.content_length != 0; }

bool ends_ignoring_case(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && equal_ignoring_case(text.substr(text.size() - end.size()), end);
}

bool is_utf8_charset(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  return equal_ignoring_case(value, "utf-8") || equal_ignoring_case(value, "utf8") ||
         equal_ignoring_case(value, "us-ascii");
}

}  // namespace

std::string_view refuse_coding(const Request& request) {
  auto codings = request[Header::content_encoding];
  while (has_body(request) && !codings.empty()) {
    const auto coding = trim(take_until(codings, ','));
    if (!coding.empty() && !equal_ignoring_case(coding, "identity"))
      return "Content-Encoding is not supported: send the body unencoded";
  }
  return {};
}

std::string_view refuse_type(const Request& request) {
  auto parameters = request[Header::content_type];
  if (!has_body(request) || parameters.empty()) return {};
  const auto type = trim(take_until(parameters, ';'));
  const auto is_type = [&](std::string_view taken) { return equal_ignoring_case(taken, type); };
  if (std::ranges::none_of(types, is_type) && !ends_ignoring_case(type, "+json"))
    return "the body must be JSON or JSON lines: Content-Type says otherwise";
  while (!parameters.empty()) {
    auto value = take_until(parameters, ';');
    const auto name = trim(take_until(value, '='));
    if (equal_ignoring_case(name, "charset") && !is_utf8_charset(trim(value)))
      return "the body must be UTF-8: Content-Type says otherwise";
  }
  return {};
}

bool is_wide_text(std::string_view body) {
  return body.starts_with("\xff\xfe") || body.starts_with("\xfe\xff") ||
         body.substr(0, 2).find('\0') != std::string_view::npos;
}

}  // namespace revoked::net
