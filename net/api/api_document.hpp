#pragma once
// The OpenAPI document of the engine: the native API and the dialects, as their tables of routes have them.

#include <span>

#include "net/api/api.hpp"
#include "net/openapi/document.hpp"

namespace revoked::net {

openapi::Document describe_engine(std::span<const Dialect* const> dialects);

}  // namespace revoked::net
