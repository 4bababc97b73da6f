#pragma once
// The target of a request, and the host that it is for (RFC 9112, section 3.2). Pure functions.

#include <string_view>

#include "net/http/request.hpp"

namespace revoked::net {

// Sets the path and the query of `request`, whose method is known, and `authority` if the target has one.
// False: none of the four forms, or one that the method does not allow.
bool read_target(std::string_view target, Request& request, std::string_view& authority);

// uri-host [ ":" port ] (RFC 9110, 7.2), or empty, if the target has no authority.
bool is_host(std::string_view text);

}  // namespace revoked::net
