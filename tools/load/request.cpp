#include "tools/load/request.hpp"

#include <charconv>
#include <stdexcept>

namespace revoked::load {
namespace {

std::string head_of(const Url& url, const Request::Options& options) {
  auto head =
      options.method + ' ' + options.path + " HTTP/1.1\r\nHost: " + url.host + ':' + url.port + "\r\n";
  for (const auto& header : options.headers) head += header + "\r\n";
  return head;
}

}  // namespace

Url parse_url(const std::string& text) {
  const bool is_encrypted = text.starts_with("https://");
  const std::string_view scheme = is_encrypted ? "https://" : "http://";
  const auto colon = text.rfind(':');
  if (!text.starts_with(scheme) || colon <= scheme.size() || colon + 1 >= text.size() ||
      text.find_first_not_of("0123456789", colon + 1) != std::string::npos) {
    throw std::runtime_error("'" + text + "' is neither http://HOST:PORT nor https://HOST:PORT");
  }
  return {text.substr(scheme.size(), colon - scheme.size()), text.substr(colon + 1), is_encrypted};
}

Request::Request(const Url& url, const Options& options)
    : head_(head_of(url, options)), body_(options.body) {}

void Request::append(std::uint64_t number, std::string& out) {
  head_.expand(number, out);
  if (!body_.empty()) {
    body_text_.clear();
    body_.expand(number, body_text_);
    out += "Content-Length: ";
    char digits[20];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, body_text_.size()).ptr);
    out += "\r\n";
  }
  out += "\r\n";
  if (!body_.empty()) out += body_text_;
}

}  // namespace revoked::load
