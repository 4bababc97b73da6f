#include "engine/base/metrics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "engine/base/process_usage.hpp"
#include "tests/support/metrics.hpp"

namespace revoked::engine::metrics_test {

using namespace std::chrono_literals;
using revoked::test::MetricsText;

TEST(MetricsWriter, WritesThePrometheusTextFormat) {
  std::string text;
  MetricsWriter out(text);
  out.counter("things_total", "Things made.").sample(std::uint64_t{12}, {{"kind", "round"}, {"size", ""}});
  out.gauge("level", "A level.").sample(0.25).sample(true, {{"of", "a\\b\"c\nd"}});
  EXPECT_EQ(text,
            "# HELP things_total Things made.\n"
            "# TYPE things_total counter\n"
            "things_total{kind=\"round\"} 12\n"
            "# HELP level A level.\n"
            "# TYPE level gauge\n"
            "level 0.25\n"
            "level{of=\"a\\\\b\\\"c\\nd\"} 1\n");
}

TEST(MetricsWriter, WritesAHistogramInSeconds) {
  DurationHistogram histogram;
  histogram.add(20us);
  histogram.add(50us);
  histogram.add(51us, 2);
  histogram.add(1min);
  std::string text;
  MetricsWriter(text).histogram("took_seconds", "Took.").sample(histogram.total(), {{"of", "x"}});
  const MetricsText metrics(text);
  EXPECT_EQ(metrics["took_seconds_bucket{of=\"x\",le=\"0.00005\"}"], 2) << text;
  EXPECT_EQ(metrics["took_seconds_bucket{of=\"x\",le=\"0.0001\"}"], 4) << text;
  EXPECT_EQ(metrics["took_seconds_bucket{of=\"x\",le=\"10\"}"], 4);
  EXPECT_EQ(metrics["took_seconds_bucket{of=\"x\",le=\"+Inf\"}"], 5);
  EXPECT_EQ(metrics["took_seconds_count{of=\"x\"}"], 5);
  EXPECT_DOUBLE_EQ(metrics["took_seconds_sum{of=\"x\"}"], 60.000172);
}

TEST(DurationHistogram, HasAscendingBounds) {
  const auto& bounds = DurationHistogram::bounds;
  EXPECT_TRUE(std::is_sorted(bounds.begin(), bounds.end(), std::less_equal()));
  EXPECT_EQ(bounds.front(), 50us);
  EXPECT_EQ(bounds[1], 100us);
  EXPECT_EQ(bounds[2], 250us);
  EXPECT_EQ(bounds.back(), 10s);
}

TEST(SpreadCounter, SumsWhatAllThreadsAdded) {
  SpreadCounter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < 80; ++i)  // more than it has cells
    threads.emplace_back([&counter] {
      for (int n = 0; n < 1000; ++n) counter.add();
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 80'000u);
}

TEST(ProcessUsage, IsThatOfThisProcess) {
  const auto started_before = std::chrono::system_clock::now().time_since_epoch() / 1s;
  ProcessUsage usage;
  const auto read = [&] {
    std::string text;
    MetricsWriter out(text);
    usage.write(out);
    return MetricsText(text);
  };
  const auto metrics = read();
  EXPECT_GT(metrics["process_resident_memory_bytes"], 1 << 20);
  EXPECT_GT(metrics["process_virtual_memory_bytes"], metrics["process_resident_memory_bytes"]);
  EXPECT_GE(metrics["process_threads"], 1);
  EXPECT_GE(metrics["process_open_fds"], 3);
  EXPECT_LE(metrics["process_open_fds"], metrics["process_max_fds"]);
  EXPECT_LE(metrics["process_start_time_seconds"], started_before + 2);
  EXPECT_GT(metrics["process_start_time_seconds"], started_before - 24 * 3600);
  while (read()["process_cpu_seconds_total"] == metrics["process_cpu_seconds_total"]) {
  }
}

}  // namespace revoked::engine::metrics_test
