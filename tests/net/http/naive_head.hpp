#pragma once
// A second, naive reading of a head that read_head() accepted, to compare with its own.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http/request_head.hpp"

namespace revoked::net::test {

struct NaiveHead {
  std::string line;
  std::vector<std::pair<std::string, std::string>> headers;  // in lower case

  int count(std::string_view name) const {
    return static_cast<int>(
        std::count_if(headers.begin(), headers.end(), [&](const auto& h) { return h.first == name; }));
  }
  std::string value(std::string_view name) const {
    for (const auto& [key, text] : headers) {
      if (key == name) return text;
    }
    return {};
  }
};

inline std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

// `head` was accepted: it ends in an empty line.
inline NaiveHead read_naively(std::string_view head) {
  NaiveHead naive;
  if (head.starts_with("\r\n")) head.remove_prefix(2);
  const auto first = head.find("\r\n");
  naive.line = head.substr(0, first);
  head.remove_prefix(first + 2);
  while (!head.starts_with("\r\n")) {
    const auto end = head.find("\r\n");
    const auto colon = std::min(head.find(':'), end);
    auto value = head.substr(std::min(colon + 1, end), end - std::min(colon + 1, end));
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    naive.headers.emplace_back(lower(head.substr(0, colon)),
                               lower(value.substr(0, value.find_last_not_of(" \t") + 1)));
    head.remove_prefix(end + 2);
  }
  return naive;
}

// What is wrong with a head that passed; empty if nothing is.
inline std::string harm_in(std::string_view data, const HeadResult& result, const Request& request) {
  if (result.size > data.size()) return "longer than the data";
  const auto head = data.substr(0, result.size);
  if (!head.ends_with("\r\n\r\n")) return "does not end in an empty line";
  if (head.substr(0, head.size() - 1).find("\r\n\r\n") != head.npos) return "has an empty line in it";
  for (std::size_t i = 0; i < head.size(); ++i) {
    const auto c = static_cast<unsigned char>(head[i]);
    const bool is_good = c >= 0x20 || c == '\t' || (c == '\r' && head[i + 1] == '\n') ||
                         (c == '\n' && i > 0 && head[i - 1] == '\r');
    if (!is_good || c == 0x7f) return "has a control character in it";
  }
  const auto naive = read_naively(head);
  const bool is_1_1 = naive.line.ends_with(" HTTP/1.1");
  if (!is_1_1 && !naive.line.ends_with(" HTTP/1.0")) return "another version";
  if (request.is_http_1_0 == is_1_1) return "the version was misread";
  if (std::count(naive.line.begin(), naive.line.end(), ' ') != 2) return "the line does not have three parts";
  if (!naive.line.starts_with(std::string(request.method_name) + " ")) return "the method was misread";
  if (naive.headers.size() > HeadLimits().headers) return "too many headers";
  for (const auto& [name, value] : naive.headers) {
    if (name.find_first_not_of("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") != name.npos ||
        name.empty())
      return "a header's name is no token";
  }
  if (naive.count("host") > 1 || (is_1_1 && naive.count("host") != 1)) return "not one Host";
  for (const auto* single : {"authorization", "x-api-key", "content-length", "transfer-encoding"}) {
    if (naive.count(single) > 1) return std::string("more than one ") + single;
  }
  if (naive.count("content-length") + naive.count("transfer-encoding") > 1) return "a length and a coding";
  if (request.is_chunked != (naive.count("transfer-encoding") == 1)) return "the coding was misread";
  if (request.is_chunked && (naive.value("transfer-encoding") != "chunked" || !is_1_1))
    return "another coding";
  if (naive.count("content-length") == 1) {
    const auto length = naive.value("content-length");
    if (length.empty() || length.find_first_not_of("0123456789") != length.npos) return "an odd length";
    const auto digits = length.substr(std::min(length.find_first_not_of('0'), length.size() - 1));
    if (std::to_string(request.content_length) != digits) return "the length was misread";
  } else if (request.content_length != 0) {
    return "a length from nowhere";
  }
  if (!request.path.starts_with('/') && request.path != "*") return "an odd path";
  return {};
}

}  // namespace revoked::net::test
