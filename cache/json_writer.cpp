#include "cache/json_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/position.hpp"
#include "engine/time.hpp"

namespace revoked::cache {

namespace {

constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> table{};
  for (int c = 0x20; c < 256; ++c) table[c] = c != '"' && c != '\\' && c != 0x7f;
  return table;
}
constexpr auto plain = make_plain();

// Whether one of eight bytes is below 0x20, or is a quote, a backslash or DEL. (Bit tricks for bytes in a
// word: Anderson, "Bit Twiddling Hacks", "Determine if a word has a byte less than n".) May say yes for
// nothing.
bool may_need_escape(std::uint64_t word) {
  constexpr std::uint64_t each = 0x0101010101010101;
  const auto less = [](std::uint64_t x, std::uint64_t n) { return (x - each * n) & ~x; };
  return ((less(word, 0x20) | less(word ^ each * '"', 1) | less(word ^ each * '\\', 1) |
           less(word ^ each * 0x7f, 1)) &
          each * 0x80) != 0;
}

bool is_plain(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  for (; end - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    if (may_need_escape(word)) return false;
  }
  bool all = true;
  for (; at != end; ++at) all &= plain[static_cast<unsigned char>(*at)];
  return all;
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (plain[static_cast<unsigned char>(c)]) {
      out.push_back(c);
    } else if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else {
      out.append("\\u00");
      out.push_back("0123456789abcdef"[static_cast<unsigned char>(c) >> 4]);
      out.push_back("0123456789abcdef"[c & 15]);
    }
  }
}

// Makes room first, so that what follows are plain stores.
char* grow(std::string& out, std::size_t bytes) {
  const auto size = out.size();
  out.resize(size + bytes);
  return out.data() + size;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  if (!is_plain(text)) {
    out.push_back('"');
    append_escaped(out, text);
    out.push_back('"');
    return;
  }
  char* const at = grow(out, text.size() + 2);
  at[0] = '"';
  std::copy(text.begin(), text.end(), at + 1);
  at[text.size() + 1] = '"';
}

void JsonWriter::separate() {
  if (!first_) out_.push_back(',');
  first_ = false;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_.push_back(bracket);
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_.push_back(bracket);
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  char* at = grow(out_, name.size() + 3 + (first_ ? 0 : 1));
  if (!first_) *at++ = ',';
  *at++ = '"';
  at = std::copy(name.begin(), name.end(), at);
  *at++ = '"';
  *at = ':';
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  append_json_string(out_, text);
  return *this;
}

JsonWriter& JsonWriter::value(std::uint64_t number) {
  separate();
  engine::append_number(out_, number);
  return *this;
}

JsonWriter& JsonWriter::value(bool truth) { return raw(truth ? "true" : "false"); }

JsonWriter& JsonWriter::null() { return raw("null"); }

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_.append(json);
  return *this;
}

JsonWriter& JsonWriter::time(std::int64_t unix_ms) {
  separate();
  out_.push_back('"');
  engine::append_rfc3339(out_, unix_ms);
  out_.push_back('"');
  return *this;
}

}  // namespace revoked::cache
