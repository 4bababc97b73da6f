#pragma once
// The operator's console (docs/console.md): static files, which CMake turns into constants. Constant.

#include <span>
#include <string_view>

#include "net/http/request.hpp"
#include "net/http/response.hpp"

namespace revoked::net {

struct ConsoleFile {
  std::string_view name;
  std::string_view content;
  std::string_view etag;  // with its quotes
};

// Generated from the files of this folder (cmake/embed_files.cmake).
extern const std::span<const ConsoleFile> console_files;

// Answers a GET or HEAD of a file; of the page itself if `name` is empty. False: there is no such file, and
// nothing has been sent.
bool send_console_file(std::string_view name, const Request& request, Response& response);

}  // namespace revoked::net
