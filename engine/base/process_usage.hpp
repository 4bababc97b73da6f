#pragma once
// What this process uses, as the kernel reports it in /proc, under the names that Prometheus' own clients use
// (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics). Any thread.

#include <atomic>
#include <chrono>
#include <cstdint>

#include "engine/base/metrics.hpp"

namespace revoked::engine {

class ProcessUsage {
 public:
  // What the kernel does not report is left out.
  void write(MetricsWriter& out);

 private:
  using Clock = std::chrono::steady_clock;

  std::uint64_t open_descriptors();

  // Older kernels can only list the descriptors, which takes a millisecond for some thousands: once a second.
  std::atomic<std::uint64_t> counted_{0};
  std::atomic<Clock::rep> count_again_{0};
};

}  // namespace revoked::engine
