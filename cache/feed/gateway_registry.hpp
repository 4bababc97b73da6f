#pragma once
// The gateways that have reported to this engine, with the last report of each. Bounded: at most
// `max_gateways`, and one that no longer reports is kept for a day. Any thread.

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cache/bus/report.hpp"
#include "engine/base/mutex.hpp"
#include "engine/base/time.hpp"

namespace revoked::cache {

class GatewayRegistry {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::size_t max_gateways = 10'000;
  static constexpr std::chrono::hours kept_for{24};
  // A gateway reports every second. One that has not for this time, and for its lease, is gone.
  static constexpr std::chrono::seconds min_silence{5};

  enum class Outcome {
    accepted,
    full,   // all gateways in the registry are present
    taken,  // another sender reports under this name
  };
  // `sender` identifies who reported over HTTP; empty: over the bus, where the signature is what protects a
  // name. A name is its sender's until the gateway leaves or is gone. `at`: the wall clock at `now`.
  Outcome on_report(Report report, std::string_view sender, Time now, engine::UnixMs at);

  // Whether another sender reports under this name.
  bool is_taken(std::string_view name, std::string_view sender, Time now) const;

  struct Gateway {
    Report report;
    engine::UnixMs reported_at = 0;
    bool is_gone = false;
  };
  // In the order of their names.
  std::vector<Gateway> all(Time now) const;

 private:
  struct Entry {
    Report report;
    std::string sender;
    Time reported;
    engine::UnixMs reported_at = 0;

    bool is_gone(Time now) const {
      return now - reported > std::max<std::chrono::milliseconds>(report.lease, min_silence);
    }
  };

  // Removes what has not reported for a day, and if that is not enough the gateway that has been gone
  // longest. False: none is gone.
  bool make_room(Time now) REVOKED_REQUIRES(mutex_);

  mutable engine::Mutex<engine::lone_level> mutex_;
  std::map<std::string, Entry, std::less<>> entries_ REVOKED_GUARDED_BY(mutex_);
};

}  // namespace revoked::cache
