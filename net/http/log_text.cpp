#include "net/http/log_text.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "engine/base/byte_words.hpp"

namespace revoked::net {
namespace {

// Unicode's general categories Cc, Cf, Zl, Zp, Zs (except the blank), Co and Cn's noncharacters; variation
// selectors; and letters and symbols without a shape. In order.
struct Range {
  char32_t first;
  char32_t last;
};
constexpr Range hidden[] = {
    {0x0, 0x1f},        {0x7f, 0xa0},       {0xad, 0xad},        {0x34f, 0x34f},     {0x600, 0x605},
    {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},      {0x890, 0x891},     {0x8e2, 0x8e2},
    {0x115f, 0x1160},   {0x1680, 0x1680},   {0x17b4, 0x17b5},    {0x180b, 0x180f},   {0x2000, 0x200f},
    {0x2028, 0x202f},   {0x205f, 0x206f},   {0x2800, 0x2800},    {0x3000, 0x3000},   {0x3164, 0x3164},
    {0xe000, 0xf8ff},   {0xfdd0, 0xfdef},   {0xfe00, 0xfe0f},    {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
    {0xfff0, 0xfffb},   {0xfffe, 0xffff},   {0x110bd, 0x110bd},  {0x110cd, 0x110cd}, {0x13430, 0x1345f},
    {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff},
};
constexpr char32_t replacement = 0xfffd;

bool is_hidden(char32_t c) {
  const auto* const range =
      std::find_if(std::begin(hidden), std::end(hidden), [&](const Range& each) { return c <= each.last; });
  return range != std::end(hidden) && c >= range->first;
}

struct Leading {
  char32_t character;
  std::size_t bytes;  // 0: the first byte begins no character
};

// The character at the front of `text` (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
Leading leading_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {replacement, 0};
  char32_t c = lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return {replacement, 0};
    c = c << 6 | (byte(i) & 0x3fU);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_good = c >= least[size] && c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
  return is_good ? Leading{c, size} : Leading{replacement, 0};
}

void append_unit(std::string& out, std::uint32_t unit) {
  out.append("\\u");
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back("0123456789abcdef"[unit >> shift & 15U]);
}

void append_escape(std::string& out, char32_t c) {
  if (c < 0x10000) return append_unit(out, c);
  append_unit(out, 0xd800 + ((c - 0x10000) >> 10));
  append_unit(out, 0xdc00 + ((c - 0x10000) & 0x3ffU));
}

}  // namespace

bool is_plain_log_text(std::string_view text) {
  if (text.empty()) return true;
  if (text.size() > max_log_text_bytes || text.front() == ' ' || text.back() == ' ') return false;
  return engine::all_bytes(text, [](std::uint64_t word) {
    return engine::ascii_from(word, ' ') & engine::ascii_but(word, '"') & engine::ascii_but(word, '\\');
  });
}

void append_log_text(std::string& out, std::string_view text) {
  bool is_cut = false;
  if (text.size() > max_log_text_bytes) {
    is_cut = true;
    text = text.substr(0, max_log_text_bytes);
    // Not within a character.
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0U) == 0x80U) text.remove_suffix(1);
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xc0U) text.remove_suffix(1);
  }
  out.push_back('"');
  if (is_plain_log_text(text)) {
    out.append(text);
  } else {
    for (std::size_t at = 0; at < text.size();) {
      const auto [c, bytes] = leading_character(text.substr(at));
      const bool is_edge_blank = c == ' ' && (at == 0 || at + 1 == text.size());
      if (bytes == 0 || is_edge_blank || is_hidden(c)) {
        append_escape(out, c);
      } else {
        if (c == '"' || c == '\\') out.push_back('\\');
        out.append(text.substr(at, bytes));
      }
      at += std::max<std::size_t>(bytes, 1);
    }
  }
  if (is_cut) out.append("…");
  out.push_back('"');
}

}  // namespace revoked::net
