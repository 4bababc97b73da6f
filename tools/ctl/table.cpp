#include "tools/ctl/table.hpp"

#include <algorithm>
#include <array>

#include "engine/base/character_set.hpp"

namespace revoked::ctl {
namespace {

constexpr std::string_view bold = "\x1b[1m", red = "\x1b[31m", green = "\x1b[32m", yellow = "\x1b[33m",
                           plain = "\x1b[0m";

struct Word {
  std::string_view text;
  std::string_view colour;
};
constexpr Word words[] = {
    {"active", green},     {"current", green},    {"applied", green}, {"ready", green},
    {"ok", green},         {"suspended", yellow}, {"locked", yellow}, {"expired", yellow},
    {"repairing", yellow}, {"stale", yellow},     {"lease", yellow},  {"would be revoked", yellow},
    {"unknown", yellow},   {"note", yellow},      {"revoked", red},   {"gone", red},
    {"waiting", red},      {"bad", red},
};

std::string_view colour_of(std::string_view text) {
  const auto* const found = std::ranges::find(words, text, &Word::text);
  return found == std::end(words) ? std::string_view() : found->colour;
}

// In characters. Wide and combining ones count as one.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool is_number(std::string_view text) {
  constexpr auto characters = engine::digits | engine::CharacterSet(".");
  return !text.empty() && characters.has_all(text) && std::ranges::count(text, '.') <= 1;
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  for (auto& cell : cells) cell = shown_text(cell);
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text(bool has_colour) const {
  struct Column {
    std::size_t number;
    std::size_t width;
    bool is_right;
  };
  std::vector<Column> shown;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    Column column{i, width_of(columns_[i]), true};
    bool has_text = false;
    for (const auto& row : rows_) {
      column.width = std::max(column.width, width_of(row[i]));
      has_text = has_text || !row[i].empty();
      column.is_right = column.is_right && (row[i].empty() || is_number(row[i]));
    }
    if (has_text) shown.push_back(column);
  }
  std::string out;
  const auto append_row = [&](const std::vector<std::string>& cells, bool is_head) {
    for (const auto& [number, width, is_right] : shown) {
      const auto& cell = cells[number];
      const bool is_last = number == shown.back().number;
      const std::string padding(width - width_of(cell), ' ');
      if (is_right && !(is_last && cell.empty())) out.append(padding);
      out.append(!has_colour ? cell
                 : is_head   ? std::string(bold).append(cell).append(plain)
                             : coloured(cell));
      if (!is_right && !is_last) out.append(padding);
      out.append(is_last ? "\n" : "  ");
    }
  };
  if (shown.empty()) return out;
  append_row(columns_, true);
  for (const auto& row : rows_) append_row(row, false);
  return out;
}

std::string shown_time(std::string_view rfc3339) {
  if (rfc3339.size() != 24 || rfc3339[10] != 'T' || rfc3339.back() != 'Z') return std::string(rfc3339);
  return std::string(rfc3339.substr(0, 10)).append(" ").append(rfc3339.substr(11, 8));
}

std::string shown_text(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(
      out, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }, '?');
  // The control characters U+0080 to U+009F.
  for (std::size_t i = 0; i + 1 < out.size(); ++i) {
    if (out[i] == '\xc2' && static_cast<unsigned char>(out[i + 1]) < 0xa0) out.replace(i, 2, "?");
  }
  return out;
}

std::string coloured(const std::string& text) {
  const auto colour = colour_of(text);
  return colour.empty() ? text : std::string(colour).append(text).append(plain);
}

}  // namespace revoked::ctl
