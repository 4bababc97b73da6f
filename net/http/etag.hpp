#pragma once
// Answers that a client may keep, and ask about by their entity tag (RFC 9110, 8.8.3).

#include <string_view>

#include "net/http/request.hpp"
#include "net/http/response.hpp"

namespace revoked::net {

// Sends 200 with `body`, or 304 if the client has it. `etag`: strong, with its quotes.
void send_tagged(const Request& request, Response& response, std::string_view etag,
                 std::string_view content_type, std::string_view body);

}  // namespace revoked::net
