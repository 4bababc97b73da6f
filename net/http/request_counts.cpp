#include "net/http/request_counts.hpp"

#include <string>

namespace revoked::net {
namespace {

constexpr RouteName no_route{"", "none"};

RouteName name_of(std::span<const RouteName> names, std::size_t route) {
  return route == 0 ? no_route : names[route - 1];
}

}  // namespace

void RequestCounts::write(engine::MetricsWriter& out, std::span<const RouteName> names,
                          std::span<const RequestCounts* const> threads) {
  out.counter("revoked_http_requests_total", "Requests answered, by route and status.");
  for (std::size_t route = 0; route <= names.size(); ++route) {
    const auto [method, pattern] = name_of(names, route);
    for (std::size_t slot = 0; slot <= statuses.size(); ++slot) {
      std::uint64_t count = 0;
      for (const auto* thread : threads) count += thread->routes_[route].by_status[slot].value();
      if (count == 0) continue;
      const auto status = slot == 0 ? "other" : std::to_string(statuses[slot - 1]);
      out.sample(count, {{"route", pattern}, {"method", method}, {"status", status}});
    }
  }
  out.histogram("revoked_http_request_seconds",
                "From the arrival of a whole request to when its response may be sent; streams excluded.");
  for (std::size_t route = 0; route <= names.size(); ++route) {
    engine::DurationHistogram::Total total;
    for (const auto* thread : threads) thread->routes_[route].seconds.add_to(total);
    if (total.count() == 0) continue;
    const auto [method, pattern] = name_of(names, route);
    out.sample(total, {{"route", pattern}, {"method", method}});
  }
}

}  // namespace revoked::net
