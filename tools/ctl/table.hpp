#pragma once
// Tables for people: aligned columns, states in colour.

#include <string>
#include <string_view>
#include <vector>

namespace revoked::ctl {

class Table {
 public:
  explicit Table(std::vector<std::string> columns) : columns_(std::move(columns)) {}

  void add(std::vector<std::string> cells);  // as many as there are columns
  bool is_empty() const { return rows_.empty(); }
  // Columns of numbers are aligned at the right; columns without any text are left out.
  std::string text(bool has_colour) const;

 private:
  std::vector<std::string> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "2026-01-02T03:04:05.678Z" as "2026-01-02 03:04:05"; anything else as it is.
std::string shown_time(std::string_view rfc3339);
// Without what could steer a terminal: control characters become '?'.
std::string shown_text(std::string_view text);
// In the colour of what it says: `active` is green, `revoked` red.
std::string coloured(const std::string& text);

}  // namespace revoked::ctl
