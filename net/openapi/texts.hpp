#pragma once
// The JSON files of this folder, which CMake puts into the program. Constant.

#include <string_view>

namespace revoked::net::openapi {

extern const std::string_view program_version;

// The content of net/openapi/<name>.json; empty if there is none.
std::string_view text_of(std::string_view name);

}  // namespace revoked::net::openapi
