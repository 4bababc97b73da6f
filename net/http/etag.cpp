#include "net/http/etag.hpp"

namespace revoked::net {
namespace {

// If-None-Match: tags are compared weakly (RFC 9110, 13.1.2).
bool has_current(const Request& request, std::string_view etag) {
  auto known = request[Header::if_none_match];
  while (!known.empty()) {
    auto tag = trim(take_until(known, ','));
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == etag || tag == "*") return true;
  }
  return false;
}

}  // namespace

void send_tagged(const Request& request, Response& response, std::string_view etag,
                 std::string_view content_type, std::string_view body) {
  response.header("ETag", etag).header("Cache-Control", "no-cache");
  if (has_current(request, etag)) return response.send(304);
  response.send(200, content_type, body);
}

}  // namespace revoked::net
