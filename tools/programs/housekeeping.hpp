#pragma once
// Periodic work of the engine program, once a second.

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <cstdint>

#include "cache/wire/asio.hpp"
#include "engine/base/metrics.hpp"
#include "engine/engine.hpp"

namespace revoked::tools {

// Returns memory to the system after a burst of changes, records refusals that were only counted, and counts
// the keys that will expire soon. Runs on the io_context's thread until it stops.
class Housekeeping {
 public:
  Housekeeping(boost::asio::io_context& io, engine::Engine& engine);

  // Of the last whole scan of the tables. Any thread.
  void write_metrics(engine::MetricsWriter& out) const;

 private:
  static constexpr engine::UnixMs soon_ms = 7LL * 24 * 3600 * 1000;

  static constexpr engine::Sequence burst_events = 100'000;
  static constexpr engine::Sequence calm_events = 1'000;  // a second

  void trim();
  void count_expiring();  // a piece of the tables
  void wait();

  engine::Engine& engine_;
  cache::Timer timer_;
  engine::Sequence trimmed_at_;
  engine::Sequence seen_;
  engine::Engine::ExpiryScan scan_;
  std::uint64_t found_ = 0;  // by the scan so far
  std::atomic<std::uint64_t> expiring_{0};
};

}  // namespace revoked::tools
