#include "engine/model/json_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "engine/base/time.hpp"

namespace revoked::engine {

namespace {

constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> table{};
  for (int c = 0x20; c < 256; ++c) table[c] = c != '"' && c != '\\' && c != 0x7f;
  return table;
}
constexpr auto plain = make_plain();
constexpr std::size_t max_digits = 20;  // of 64-bit integers

// Whether one of eight bytes is below 0x20, a quote, a backslash or DEL. (Anderson, "Bit Twiddling Hacks",
// "Determine if a word has a byte less than n".) False positives are possible.
inline bool may_need_escape(std::uint64_t word) {
  constexpr std::uint64_t each = 0x0101010101010101;
  const auto less = [](std::uint64_t x, std::uint64_t n) { return (x - each * n) & ~x; };
  return ((less(word, 0x20) | less(word ^ each * '"', 1) | less(word ^ each * '\\', 1) |
           less(word ^ each * 0x7f, 1)) &
          each * 0x80) != 0;
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

}  // namespace

bool needs_no_escape(std::string_view text) {
  const char* const at = text.data();
  std::uint64_t word = 0;
  if (text.size() < sizeof word) {
    const auto half = sizeof word / 2;
    if (text.size() < half) {
      return std::all_of(text.begin(), text.end(),
                         [](char c) { return plain[static_cast<unsigned char>(c)]; });
    }
    std::uint32_t halves[2];  // they overlap, as do the last words below
    std::memcpy(&halves[0], at, half);
    std::memcpy(&halves[1], at + text.size() - half, half);
    return !may_need_escape(std::uint64_t{halves[0]} << 32 | halves[1]);
  }
  for (std::size_t i = 0; i + sizeof word < text.size(); i += sizeof word) {
    std::memcpy(&word, at + i, sizeof word);
    if (may_need_escape(word)) return false;
  }
  std::memcpy(&word, at + text.size() - sizeof word, sizeof word);
  return !may_need_escape(word);
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  if (needs_no_escape(text)) {
    out.append(text);
  } else {
    append_escaped(out, text);
  }
  out.push_back('"');
}

void JsonWriter::put(std::string_view piece) {
  if (piece.size() > max_piece) {
    flush();
    out_.append(piece);
    return;
  }
  used_ += piece.copy(room(piece.size()), piece.size());
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  *room(1) = bracket;
  ++used_;
  first_ = true;
  ++depth_;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  *room(1) = bracket;
  ++used_;
  first_ = false;
  --depth_;
  return end_value();
}

JsonWriter& JsonWriter::long_key(std::string_view name) {
  separate();
  put("\"");
  put(name);
  put("\":");
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  if (text.size() > max_piece || !needs_no_escape(text)) {
    separate();
    flush();
    append_json_string(out_, text);
    return *this;
  }
  char* at = room(text.size() + 3);
  if (!first_) *at++ = ',';
  *at++ = '"';
  at += text.copy(at, text.size());
  *at++ = '"';
  used_ = static_cast<std::size_t>(at - buffer_);
  first_ = false;
  return end_value();
}

JsonWriter& JsonWriter::value(std::uint64_t number) {
  separate();
  char* const at = room(max_digits);
  used_ += static_cast<std::size_t>(std::to_chars(at, at + max_digits, number).ptr - at);
  return end_value();
}

JsonWriter& JsonWriter::value(Position position) {
  separate();
  char* const from = room(2 * max_digits + 3);
  char* at = from;
  *at++ = '"';
  at = std::to_chars(at, at + max_digits, position.epoch).ptr;
  *at++ = '-';
  at = std::to_chars(at, at + max_digits, position.sequence).ptr;
  *at++ = '"';
  used_ += static_cast<std::size_t>(at - from);
  return end_value();
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  put(json);
  return end_value();
}

JsonWriter& JsonWriter::members(std::string_view json) {
  put(json);
  first_ = first_ && json.empty();
  return *this;
}

JsonWriter& JsonWriter::time(std::int64_t unix_ms) {
  separate();
  put("\"");
  flush();
  engine::append_rfc3339(out_, unix_ms);
  put("\"");
  return end_value();
}

}  // namespace revoked::engine
