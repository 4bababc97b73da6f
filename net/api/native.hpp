#pragma once
// The native API (docs/api.md): the table of its routes, and how it presents credentials and errors.
// Constant.

#include "net/api/api.hpp"

namespace revoked::net {

extern const Dialect native;

// Whether the request's route reads the body itself: see Service::takes_body.
bool is_body_route(const Request& request);

}  // namespace revoked::net
