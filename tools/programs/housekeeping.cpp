#include "tools/programs/housekeeping.hpp"

#include <malloc.h>

namespace revoked::tools {

Housekeeping::Housekeeping(boost::asio::io_context& io, engine::Engine& engine)
    : engine_(engine), timer_(io.get_executor()), trimmed_at_(engine.applied()), seen_(trimmed_at_) {
  wait();
}

void Housekeeping::write_metrics(engine::MetricsWriter& out) const {
  out.gauge("revoked_keys_expiring",
            "Keys that expire within 7 days and are not revoked. Counted at 100,000 keys a second.")
      .sample(expiring_.load(std::memory_order_relaxed));
}

void Housekeeping::trim() {
  const auto applied = engine_.applied();
  if (applied - trimmed_at_ >= burst_events && applied - seen_ < calm_events) {
    ::malloc_trim(0);
    trimmed_at_ = applied;
  }
  seen_ = applied;
}

void Housekeeping::count_expiring() {
  if (scan_.next == 0) {
    const auto now = engine::now_unix_ms();
    scan_.ranges = {{now, now + soon_ms}};
    found_ = 0;
  }
  if (engine_.scan_expiries(scan_, [this](std::size_t, engine::UnixMs, std::string_view) { ++found_; }))
    return;
  expiring_.store(found_, std::memory_order_relaxed);
  scan_.next = 0;
}

void Housekeeping::wait() {
  timer_.expires_after(std::chrono::seconds(1));
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    trim();
    engine_.record_counted_refusals();
    count_expiring();
    wait();
  });
}

}  // namespace revoked::tools
