#pragma once
// When a gateway reports what it has applied: at once after its position or coverage changes, but not more
// often than once a period, and every second. No sockets, no clock. One thread.

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cache/bus/report.hpp"
#include "engine/base/boot_clock.hpp"

namespace revoked::cache {

class Reports {
 public:
  using Time = engine::BootClock::time_point;
  // `is_first`: the first report to this engine in this epoch.
  using Send = std::function<void(std::string report, bool is_first)>;
  // send_due() must be called at that time.
  using Arm = std::function<void(Time due)>;

  static constexpr std::chrono::milliseconds min_period{5};
  static constexpr std::chrono::milliseconds max_period{1000};

  // `self`: what stays the same in all reports.
  Reports(Report self, Send send, Arm arm)
      : report_(std::move(self)), send_(std::move(send)), arm_(std::move(arm)) {}

  // Must be called after each change, and periodically. Nothing is reported before there is a position.
  void note(std::optional<engine::Position> applied, std::string_view journal, Coverage coverage, Time now) {
    if (!applied) return;
    if (*applied != report_.applied || coverage != report_.coverage) {
      if (applied->epoch != report_.applied.epoch) is_first_ = true;
      report_.applied = *applied;
      report_.journal = journal;
      report_.coverage = coverage;
      has_changed_ = true;
    }
    if (now >= last_ + (has_changed_ ? period_ : max_period)) return send(now);
    if (has_changed_ && !std::exchange(is_armed_, true)) arm_(last_ + period_);
  }

  void send_due(Time now) {
    is_armed_ = false;
    if (has_changed_) send(now);
  }

  // The time between reports while there are changes, as the engine asks: it knows how many gateways report.
  void set_period(std::chrono::milliseconds period) { period_ = std::clamp(period, min_period, max_period); }

  // Another engine is used: the next report is the first to it.
  void start_over() { is_first_ = has_changed_ = true; }

  // The last report, if there was one: this gateway stops.
  void leave() {
    if (report_.applied.epoch == 0) return;
    report_.is_leaving = true;
    send({});
  }

 private:
  void send(Time now) {
    last_ = now;
    has_changed_ = false;
    ++report_.number;
    send_(encode_report(report_), std::exchange(is_first_, false));
  }

  Report report_;  // the last or next one
  const Send send_;
  const Arm arm_;
  std::chrono::milliseconds period_ = min_period;
  Time last_{};
  bool has_changed_ = false;  // since the last report
  bool is_first_ = false;
  bool is_armed_ = false;
};

}  // namespace revoked::cache
