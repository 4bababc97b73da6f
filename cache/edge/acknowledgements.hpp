#pragma once
// When a gateway reports what it has applied: soon after its position or coverage changes, and every second.
// No sockets, no clock. One thread.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cache/bus/report.hpp"
#include "engine/base/boot_clock.hpp"

namespace revoked::cache {

class Acknowledgements {
 public:
  using Time = engine::BootClock::time_point;
  using Send = std::function<void(std::string report)>;
  static constexpr std::chrono::milliseconds min_period{100};
  static constexpr std::chrono::milliseconds max_period{1000};

  // `self`: what stays the same in all reports.
  Acknowledgements(Report self, Send send) : report_(std::move(self)), send_(std::move(send)) {}

  // Must be called periodically. Nothing is reported before there is a position.
  void report(std::optional<engine::Position> applied, std::string_view journal, Coverage coverage,
              Time now) {
    if (!applied) return;
    const bool has_changed = *applied != report_.applied || coverage != report_.coverage;
    if (now - last_ < (has_changed ? min_period : max_period)) return;
    last_ = now;
    report_.applied = *applied;
    report_.journal = journal;
    report_.coverage = coverage;
    send_(encode_report(report_));
  }

  // The last report, if there was one: this gateway stops.
  void leave() {
    if (report_.applied.epoch == 0) return;
    report_.is_leaving = true;
    send_(encode_report(report_));
  }

 private:
  Report report_;  // the last one
  const Send send_;
  Time last_{};
};

}  // namespace revoked::cache
