#include "net/http/router.hpp"

#include <algorithm>

#include "engine/base/percent.hpp"

namespace revoked::net {

bool match_path(std::string_view pattern, std::string_view path, Parameters& parameters) {
  std::size_t parameter = 0;
  while (!pattern.empty() && !path.empty()) {
    if (pattern.front() != '{') {
      const auto literal = pattern.substr(0, pattern.find('{'));
      if (!path.starts_with(literal)) return false;
      pattern.remove_prefix(literal.size());
      path.remove_prefix(literal.size());
      continue;
    }
    const auto end = std::min(path.find('/'), path.size());
    if (end == 0 || parameter == max_parameters) return false;
    auto& value = parameters[parameter++];
    value.clear();
    if (!engine::percent_decode(path.substr(0, end), value)) return false;
    pattern.remove_prefix(2);
    path.remove_prefix(end);
  }
  return pattern.empty() && path.empty();
}

std::string_view method_name(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::delete_:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
    case Method::trace:
      return "TRACE";
    case Method::connect:
      return "CONNECT";
    case Method::other:
      break;
  }
  return "";
}

}  // namespace revoked::net
