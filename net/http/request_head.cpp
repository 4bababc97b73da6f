#include "net/http/request_head.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "engine/base/character_set.hpp"
#include "net/http/header_names.hpp"
#include "net/http/host.hpp"

namespace revoked::net {
namespace {

using engine::CharacterSet;
constexpr auto token_characters =
    engine::letters_and_digits | CharacterSet("!#$%&'*+-.^_`|~");  // RFC 9110, 5.6.2
constexpr auto target_characters =
    engine::letters_and_digits |
    CharacterSet("-._~:/?[]@!$&'()*+,;=%|^`{}\\\"<>");  // and what browsers send unencoded
constexpr auto value_characters =
    (CharacterSet::range(0x20, 0xff) - CharacterSet("\x7f")) | CharacterSet("\t");  // RFC 9110, 5.5

// Whether one of eight bytes is below 0x20, or is DEL. May be true without one (a borrow), never false with
// one.
bool may_have_control(std::uint64_t word) {
  constexpr std::uint64_t each = 0x0101010101010101;
  const auto is_del = word ^ each * 0x7f;
  return ((((word - each * 0x20) & ~word) | ((is_del - each) & ~is_del)) & each * 0x80) != 0;
}

// Values are most of a head: checked eight bytes at a time until a control character is possible.
bool is_value(std::string_view text) {
  std::uint64_t word = 0;
  if (text.size() < sizeof word) return value_characters.has_all(text);
  const auto is_good = [&](std::size_t at) {
    std::memcpy(&word, text.data() + at, sizeof word);
    return !may_have_control(word) || value_characters.has_all(text.substr(at, sizeof word));
  };
  for (std::size_t at = 0; at + sizeof word < text.size(); at += sizeof word) {
    if (!is_good(at)) return false;
  }
  return is_good(text.size() - sizeof word);  // the last eight, some of them perhaps again
}

// A byte of a header name in lower case; 0: not allowed.
constexpr std::array<char, 256> make_lower_case() {
  std::array<char, 256> table{};
  for (int c = 0; c < 256; ++c) {
    if (token_characters.has(static_cast<char>(c)))
      table[c] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  return table;
}
constexpr auto lower_case = make_lower_case();

Method method_of(std::string_view name) {
  if (name == "GET") return Method::get;
  if (name == "DELETE") return Method::delete_;
  if (name == "POST") return Method::post;
  if (name == "HEAD") return Method::head;
  if (name == "PUT") return Method::put;
  if (name == "PATCH") return Method::patch;
  if (name == "OPTIONS") return Method::options;
  if (name == "TRACE") return Method::trace;
  if (name == "CONNECT") return Method::connect;
  return Method::other;
}

HeadResult refuse(unsigned status, std::string_view reason) {
  return {HeadResult::Kind::refused, 0, status, reason};
}

constexpr HeadResult good{HeadResult::Kind::complete, 0, 0, {}};
bool is_good(const HeadResult& result) { return result.kind == HeadResult::Kind::complete; }

// Takes scheme and authority off a target in absolute-form (RFC 9112, 3.2.2). False: there is no authority.
bool take_authority(std::string_view& target, std::string_view& authority) {
  constexpr std::string_view scheme = "http://";
  if (!equal_ignoring_case(target.substr(0, scheme.size()), scheme)) return true;
  target.remove_prefix(scheme.size());
  authority = target.substr(0, target.find_first_of("/?"));
  target.remove_prefix(authority.size());
  return !authority.empty();
}

// The four forms of RFC 9112, 3.2. False: none of them, or one that the method does not allow.
bool read_target(std::string_view target, Request& request, std::string_view& authority) {
  if (!target_characters.has_all(target)) return false;
  if (request.method == Method::connect && !target.empty() && !target.starts_with('/')) {
    authority = target;
    request.path = "*";  // the server as a whole
    return true;
  }
  if (!target.starts_with('/') && !take_authority(target, authority)) return false;
  const bool is_absolute = !authority.empty();
  const auto question = std::min(target.find('?'), target.size());
  request.path = target.substr(0, question);
  request.query = target.substr(std::min(question + 1, target.size()));
  const bool is_options = request.method == Method::options;
  if (is_absolute && request.path.empty()) request.path = is_options && target.empty() ? "*" : "/";
  return request.path.starts_with('/') || (is_options && (is_absolute ? target.empty() : target == "*"));
}

HeadResult read_request_line(std::string_view line, const HeadLimits& limits, Request& request,
                             std::string_view& authority) {
  const auto first = line.find(' ');
  const auto second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return refuse(400, "malformed request line");
  request.method_name = line.substr(0, first);
  const auto target = line.substr(first + 1, second - first - 1);
  const auto version = line.substr(second + 1);
  if (request.method_name.empty() || !token_characters.has_all(request.method_name)) {
    return refuse(400, "malformed method");
  }
  if (version == "HTTP/1.0") {
    request.is_http_1_0 = true;
  } else if (version != "HTTP/1.1") {
    return version.starts_with("HTTP/") ? refuse(505, "only HTTP/1.1 and HTTP/1.0 are supported")
                                        : refuse(400, "malformed request line");
  }
  request.method = method_of(request.method_name);
  if (target.size() > limits.target_bytes) return refuse(414, "the target is too long");
  if (!read_target(target, request, authority)) return refuse(400, "malformed target");
  return good;
}

// Why the line is refused; empty: it is valid.
std::string_view read_header_line(std::string_view line, Request& request) {
  if (line.front() == ' ' || line.front() == '\t') return "folded header";
  const auto size = line.find(':');
  if (size == std::string_view::npos || size == 0) return "malformed header";
  char name[max_known_size];
  bool is_token =
      size <= max_known_size || token_characters.has_all(line.substr(max_known_size, size - max_known_size));
  for (std::size_t i = 0; i < std::min(size, max_known_size); ++i) {
    name[i] = lower_case[static_cast<unsigned char>(line[i])];
    is_token &= name[i] != 0;
  }
  if (!is_token) return "malformed header name";
  auto value = line.substr(size + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  if (!is_value(value)) return "malformed header value";

  const auto* known = size > max_known_size ? nullptr : find_known({name, size});
  if (known == nullptr) return {};
  auto& place = request[known->header];
  // An empty value must count as present, too.
  if (place.data() != nullptr) {
    if (known->single) return "repeated header";
    if (known->header == Header::connection && has_token(value, "close")) place = "close";
    if (known->header == Header::x_forwarded_for) place = value.empty() ? std::string_view("") : value;
    return {};
  }
  place = value.empty() ? std::string_view("") : value;
  return {};
}

HeadResult read_framing(Request& request, std::string_view authority) {
  const auto host = request[Header::host];
  if (host.data() == nullptr && !request.is_http_1_0) return refuse(400, "missing Host");
  if (!is_host(host)) return refuse(400, "malformed Host");
  if (!authority.empty() && !equal_ignoring_case(authority, host))
    return refuse(400, "target and Host disagree");

  const auto length = request[Header::content_length];
  const auto encoding = request[Header::transfer_encoding];
  if (encoding.data() != nullptr) {
    if (length.data() != nullptr) return refuse(400, "Content-Length with Transfer-Encoding");
    if (request.is_http_1_0) return refuse(400, "Transfer-Encoding in HTTP/1.0");
    if (!equal_ignoring_case(encoding, "chunked")) return refuse(400, "unknown Transfer-Encoding");
    request.is_chunked = true;
  } else if (length.data() != nullptr) {
    const auto end = length.data() + length.size();
    const auto read = std::from_chars(length.data(), end, request.content_length);
    if (read.ec != std::errc{} || read.ptr != end) return refuse(400, "malformed Content-Length");
  }

  const auto connection = request[Header::connection];
  request.keep_alive = request.is_http_1_0
                           ? has_token(connection, "keep-alive") && !has_token(connection, "close")
                           : !has_token(connection, "close");
  if (const auto expect = request[Header::expect]; expect.data() != nullptr) {
    if (!equal_ignoring_case(expect, "100-continue")) return refuse(417, "unknown expectation");
    request.expects_continue = !request.is_http_1_0;
  }
  return good;
}

}  // namespace

HeadResult read_head(std::string_view data, const HeadLimits& limits, Request& request) {
  const auto whole = data;
  // RFC 9112, 2.2: an empty line before a request must be ignored.
  if (data.starts_with("\r\n")) data.remove_prefix(2);
  std::string_view authority;
  std::size_t lines = 0;
  const char* first_header = nullptr;
  while (true) {
    const auto size = data.find('\n');
    if (size == std::string_view::npos) {
      return whole.size() >= limits.bytes ? refuse(431, "the head is too large") : HeadResult{};
    }
    if (whole.size() - data.size() + size >= limits.bytes) return refuse(431, "the head is too large");
    if (size == 0 || data[size - 1] != '\r') return refuse(400, "a line ends in a bare LF");
    const auto line = data.substr(0, size - 1);
    data.remove_prefix(size + 1);
    if (line.empty() && lines > 0) {
      request.header_lines = {first_header, static_cast<std::size_t>(line.data() - first_header)};
      break;
    }
    if (lines == 0) {
      if (const auto read = read_request_line(line, limits, request, authority); !is_good(read)) return read;
      first_header = data.data();
    } else if (const auto reason = read_header_line(line, request); !reason.empty()) {
      return refuse(400, reason);
    }
    if (lines++ > limits.headers) return refuse(431, "too many headers");
  }
  if (const auto framing = read_framing(request, authority); !is_good(framing)) return framing;
  return {HeadResult::Kind::complete, static_cast<std::size_t>(data.data() - whole.data()), 0, {}};
}

}  // namespace revoked::net
