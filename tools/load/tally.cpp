#include "tools/load/tally.hpp"

#include <sys/resource.h>

#include <array>
#include <cstdio>

namespace revoked::load {
namespace {

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

double own_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

}  // namespace

void Tally::count(int status, Clock::time_point from, Clock::time_point now) {
  ++answered;
  ++statuses[status];
  if (expected.empty() ? status < 200 || status > 299 : !expected.contains(status)) ++bad;
  latency.record(now - from);
  ended = now;
}

void JsonLine::name(std::string_view name) {
  if (text_.size() > 1 && text_.back() != '{') text_ += ", ";
  text_ += '"';
  text_ += name;
  text_ += "\": ";
}

JsonLine& JsonLine::number(std::string_view name, double value) {
  this->name(name);
  std::array<char, 64> digits;
  text_.append(digits.data(),
               static_cast<std::size_t>(std::snprintf(digits.data(), digits.size(), "%.3f", value)));
  return *this;
}

JsonLine& JsonLine::count(std::string_view name, std::uint64_t value) {
  this->name(name);
  text_ += std::to_string(value);
  return *this;
}

JsonLine& JsonLine::text(std::string_view name, std::string_view value) {
  this->name(name);
  text_ += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') text_ += '\\';
    text_ += c;
  }
  text_ += '"';
  return *this;
}

JsonLine& JsonLine::latency(std::string_view name, const Latency& latency) {
  this->name(name);
  text_ += '{';
  count("count", latency.count());
  number("p50_us", latency.quantile_us(0.5)).number("p90_us", latency.quantile_us(0.9));
  number("p99_us", latency.quantile_us(0.99)).number("p99.9_us", latency.quantile_us(0.999));
  number("largest_us", latency.largest_us());
  text_ += '}';
  return *this;
}

JsonLine& JsonLine::tally(const Tally& tally) {
  const double elapsed = seconds(tally.ended - tally.began);
  count("sent", tally.sent).count("answered", tally.answered).count("unanswered", tally.unanswered());
  count("bad", tally.bad).number("seconds", elapsed);
  number("per_second", elapsed > 0 ? static_cast<double>(tally.answered) / elapsed : 0);
  name("statuses");
  text_ += '{';
  for (const auto& [status, times] : tally.statuses) count(std::to_string(status), times);
  text_ += '}';
  return latency("latency", tally.latency);
}

JsonLine& JsonLine::own_share(const Tally& tally) {
  const double elapsed = seconds(tally.ended - tally.began);
  return number("own_cpu_share", elapsed > 0 ? own_cpu_seconds() / elapsed : 0);
}

}  // namespace revoked::load
