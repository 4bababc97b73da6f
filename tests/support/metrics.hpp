#pragma once
// The samples of a text in the Prometheus format.

#include <charconv>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/support/http_client.hpp"

namespace revoked::test {

class MetricsText {
 public:
  explicit MetricsText(std::string text) : text_(std::move(text)) {
    std::string_view rest = text_;
    while (!rest.empty()) {
      const auto line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(line.size() + 1);
      if (line.starts_with("# TYPE ")) {
        names_.emplace(line.substr(7, line.find(' ', 7) - 7));
      } else if (!line.starts_with('#')) {
        const auto space = line.rfind(' ');
        double value = 0;
        std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
        samples_.emplace(line.substr(0, space), value);
      }
    }
  }
  // Of GET /metrics; throws if that is not a 200.
  static MetricsText of(HttpClient& client) {
    auto answer = client.get("/metrics");
    if (answer.status != 200) throw std::runtime_error("/metrics answers " + std::to_string(answer.status));
    return MetricsText(std::move(answer.body));
  }

  // Of a series as it is written; 0 if there is none.
  double operator[](std::string_view series) const {
    const auto found = samples_.find(series);
    return found == samples_.end() ? 0 : found->second;
  }
  bool has(std::string_view series) const { return samples_.contains(series); }
  const std::set<std::string>& names() const { return names_; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::set<std::string> names_;
  std::map<std::string, double, std::less<>> samples_;
};

}  // namespace revoked::test
