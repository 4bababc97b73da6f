#include "engine/base/metrics.hpp"

#include <array>
#include <charconv>

namespace revoked::engine {
namespace {

template <class Number, class... Format>
void append_number(std::string& out, Number number, Format... format) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, format...).ptr;
  out.append(digits, end);
}

void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\\' || c == '"') out.push_back('\\');
    if (c == '\n')
      out.append("\\n");
    else
      out.push_back(c);
  }
}

}  // namespace

MetricsWriter& MetricsWriter::begin(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  out_.append("# HELP ").append(name).append(" ").append(help).append("\n");
  out_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
  return *this;
}

// The name and labels of a sample. `le`: the bound of a bucket.
void MetricsWriter::append_series(std::string_view suffix, Labels labels, std::string_view le) {
  out_.append(name_).append(suffix);
  char before = '{';
  const auto append = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out_.push_back(before);
    out_.append(name).append("=\"");
    append_escaped(out_, value);
    out_.push_back('"');
    before = ',';
  };
  for (const auto& [name, value] : labels) append(name, value);
  append("le", le);
  if (before == ',') out_.push_back('}');
  out_.push_back(' ');
}

MetricsWriter& MetricsWriter::sample(std::uint64_t value, Labels labels) {
  append_series({}, labels);
  append_number(out_, value);
  out_.push_back('\n');
  return *this;
}

MetricsWriter& MetricsWriter::sample(double value, Labels labels) {
  append_series({}, labels);
  append_number(out_, value);
  out_.push_back('\n');
  return *this;
}

MetricsWriter& MetricsWriter::sample(const DurationHistogram::Total& total, Labels labels) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < total.buckets.size(); ++i) {
    std::string bound = "+Inf";
    if (i < DurationHistogram::bounds.size()) {
      bound.clear();
      const auto microseconds = static_cast<double>(DurationHistogram::bounds[i].count());
      append_number(bound, microseconds / 1e6, std::chars_format::fixed);
    }
    count += total.buckets[i];
    append_series("_bucket", labels, bound);
    append_number(out_, count);
    out_.push_back('\n');
  }
  append_series("_sum", labels);
  append_number(out_, static_cast<double>(total.nanoseconds) / 1e9);
  out_.push_back('\n');
  append_series("_count", labels);
  append_number(out_, count);
  out_.push_back('\n');
  return *this;
}

void Metrics::add(Source source) {
  const MutexLock lock(mutex_);
  sources_.push_back(std::move(source));
}

void Metrics::write(MetricsWriter& out) const {
  std::vector<Source> sources;
  {
    const MutexLock lock(mutex_);
    sources = sources_;
  }
  for (const auto& source : sources) source(out);
}

}  // namespace revoked::engine
