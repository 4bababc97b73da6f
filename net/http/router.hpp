#pragma once
// Matches a method and a path against a constant table of routes. Patterns are paths whose `{}` segments are
// parameters: "/v1/keys/{}/rotate". A trailing slash in the request's path is ignored.

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "net/http/request.hpp"

namespace revoked::net {

inline constexpr std::size_t max_parameters = 2;

// Percent-decoded.
using Parameters = std::array<std::string, max_parameters>;

// Whether the path matches the pattern. False, too, if a parameter is empty or malformed.
bool match_path(std::string_view pattern, std::string_view path, Parameters& parameters);

// `Route` has members `method` and `pattern`. HEAD matches GET.
template <class Route>
struct RouteMatch {
  const Route* route = nullptr;  // null: no route, and `allowed` says whether the path is known
  Parameters parameters;
  std::string allowed;  // the methods of the path, as in an Allow header
};

std::string_view method_name(Method method);

template <class Route, std::size_t extent>
RouteMatch<Route> match_route(std::span<const Route, extent> routes, Method method, std::string_view path) {
  RouteMatch<Route> match;
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const auto wanted = method == Method::head ? Method::get : method;
  for (const Route& route : routes) {
    if (route.method == wanted && match_path(route.pattern, path, match.parameters)) {
      match.route = &route;
      return match;
    }
  }
  for (const Route& route : routes) {
    if (!match_path(route.pattern, path, match.parameters)) continue;
    if (!match.allowed.empty()) match.allowed.append(", ");
    match.allowed.append(method_name(route.method));
    if (route.method == Method::get) match.allowed.append(", HEAD");
  }
  if (!match.allowed.empty()) match.allowed.append(", OPTIONS");
  return match;
}

// The methods of all the routes, as in an Allow header: those of the server (RFC 9110, 9.3.7).
template <class Route, std::size_t extent>
std::string methods_of(std::span<const Route, extent> routes) {
  std::string allow;
  for (const auto method :
       {Method::get, Method::head, Method::post, Method::put, Method::patch, Method::delete_}) {
    const auto wanted = method == Method::head ? Method::get : method;
    const auto has_it = [wanted](const Route& route) { return route.method == wanted; };
    if (std::any_of(routes.begin(), routes.end(), has_it)) allow.append(method_name(method)).append(", ");
  }
  return allow.append("OPTIONS");
}

}  // namespace revoked::net
