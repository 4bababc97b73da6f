#include "net/console/console.hpp"

#include <algorithm>

#include "net/http/etag.hpp"

namespace revoked::net {
namespace {

constexpr std::string_view page = "index.html";

std::string_view content_type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  return "image/svg+xml";
}

// The page may load only what this engine serves, and text that it receives never becomes code or markup.
constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

}  // namespace

bool send_console_file(std::string_view name, const Request& request, Response& response) {
  const auto file = std::ranges::find(console_files, name.empty() ? page : name, &ConsoleFile::name);
  if (file == console_files.end()) return false;
  response.header("Content-Security-Policy", policy)
      .header("X-Content-Type-Options", "nosniff")
      .header("Referrer-Policy", "no-referrer")
      .header("Cross-Origin-Opener-Policy", "same-origin")
      .header("Cross-Origin-Resource-Policy", "same-origin");
  send_tagged(request, response, file->etag, content_type_of(file->name), file->content);
  return true;
}

}  // namespace revoked::net
