#pragma once
// The text of /metrics: the Prometheus text format, version 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/).

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/counters.hpp"
#include "engine/base/mutex.hpp"

namespace revoked::engine {

// Appends metrics to a text. One thread.
class MetricsWriter {
 public:
  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

  // Any value is escaped; one that is empty is left out, which means the same.
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  explicit MetricsWriter(std::string& out) : out_(out) {}

  // Begin a metric: its samples follow, all of them before the next metric. `help` is one line.
  MetricsWriter& counter(std::string_view name, std::string_view help) {
    return begin(name, "counter", help);
  }
  MetricsWriter& gauge(std::string_view name, std::string_view help) { return begin(name, "gauge", help); }
  MetricsWriter& histogram(std::string_view name, std::string_view help) {
    return begin(name, "histogram", help);
  }

  MetricsWriter& sample(std::uint64_t value, Labels labels = {});
  MetricsWriter& sample(double value, Labels labels = {});
  MetricsWriter& sample(bool value, Labels labels = {}) { return sample(std::uint64_t{value}, labels); }
  MetricsWriter& sample(const DurationHistogram::Total& total, Labels labels = {});  // in seconds

 private:
  MetricsWriter& begin(std::string_view name, std::string_view type, std::string_view help);
  void append_series(std::string_view suffix, Labels labels, std::string_view le = {});

  std::string& out_;
  std::string_view name_;  // of the metric that was begun
};

// What writes the metrics of a program: each part that has some adds a source. Any thread.
class Metrics {
 public:
  // Called for each request, on any thread, and must not block; what it refers to outlives the server.
  using Source = std::function<void(MetricsWriter&)>;

  void add(Source source);
  void write(MetricsWriter& out) const;

 private:
  mutable Mutex<lone_level> mutex_;
  std::vector<Source> sources_ REVOKED_GUARDED_BY(mutex_);
};

}  // namespace revoked::engine
