#pragma once
// The JSON files of this folder, which CMake puts into the program (cmake/embed_files.cmake). Constant.

#include <span>
#include <string_view>

namespace revoked::net {
namespace openapi {

struct TextFile {
  std::string_view name;
  std::string_view content;
  std::string_view etag;
};

extern const std::string_view program_version;

// The content of net/openapi/<name>.json; empty if there is none.
std::string_view text_of(std::string_view name);

}  // namespace openapi

extern const std::span<const openapi::TextFile> openapi_files;

}  // namespace revoked::net
