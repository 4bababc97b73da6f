#pragma once
// How many requests one network thread has answered, by route and status, and how long that took. Written by
// that thread only; any thread may read.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/metrics.hpp"

namespace revoked::net {

// A route as /metrics names it. Constant text.
struct RouteName {
  std::string_view method;  // empty: any
  std::string_view pattern;
};

// Its place in Service::route_names(), and one more; 0: no route.
using RouteNumber = std::uint16_t;

class RequestCounts {
 public:
  explicit RequestCounts(std::size_t routes) : routes_(routes + 1) {}

  // `took`: from the arrival of the whole request to when its response may be sent.
  void add(RouteNumber route, unsigned status, std::chrono::nanoseconds took, std::uint64_t times) {
    add_untimed(route, status, times);
    routes_[route].seconds.add(took, times);
  }
  void add_untimed(RouteNumber route, unsigned status, std::uint64_t times = 1) {
    routes_[route].by_status[slot_of(status)].add(times);
  }

  // Whether the status has a counter of its own. The others share one.
  static bool knows(unsigned status) { return slot_of(status) != 0; }

  // Sums over all threads. Series of which there was nothing are left out.
  static void write(engine::MetricsWriter& out, std::span<const RouteName> names,
                    std::span<const RequestCounts* const> threads);

 private:
  static constexpr std::array<unsigned, 27> statuses{200, 201, 202, 204, 304, 400, 401, 403, 404,
                                                     405, 408, 409, 410, 412, 413, 414, 415, 417,
                                                     422, 429, 431, 500, 501, 503, 504, 505, 507};
  static constexpr unsigned least_status = 200;
  static constexpr auto slots = [] {
    std::array<std::uint8_t, 400> made{};
    for (std::size_t i = 0; i < statuses.size(); ++i)
      made[statuses[i] - least_status] = static_cast<std::uint8_t>(i + 1);
    return made;
  }();
  static std::size_t slot_of(unsigned status) {
    const auto index = status - least_status;
    return index < slots.size() ? slots[index] : 0;
  }

  struct alignas(64) Route {
    std::array<engine::Counter, statuses.size() + 1> by_status;
    engine::DurationHistogram seconds;
  };
  std::vector<Route> routes_;
};

// The responses of a connection that are not sent yet: counted together once they may be. Most are alike.
class UnsentResponses {
 public:
  struct Alike {
    RouteNumber route = 0;
    std::uint16_t status = 0;
    std::uint32_t times = 0;
  };

  // False: there are too many different ones.
  bool add(RouteNumber route, unsigned status) {
    if (used_ != 0 && alike_[used_ - 1].route == route && alike_[used_ - 1].status == status) {
      ++alike_[used_ - 1].times;
      return true;
    }
    if (used_ == alike_.size()) return false;
    alike_[used_++] = {route, static_cast<std::uint16_t>(status), 1};
    return true;
  }
  std::span<const Alike> all() const { return std::span(alike_).first(used_); }
  void clear() { used_ = 0; }

 private:
  std::array<Alike, 4> alike_;
  std::size_t used_ = 0;
};

}  // namespace revoked::net
