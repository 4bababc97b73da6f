#pragma once
// Appends JSON to a string. The caller is responsible for the structure; the writer adds commas and escapes.
//
//   JsonWriter json(out);
//   json.open('{').field("key_id", id).field("count", 3).close('}');
//
// Small pieces are buffered, since each append to a string costs more than the piece: `out` is complete once
// the outermost bracket is closed.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/model/position.hpp"

namespace revoked::engine {

// Whether `text` needs no escapes between quotes. It must be UTF-8.
bool needs_no_escape(std::string_view text);

// Appends `text` as a JSON string with its quotes (RFC 8259). `text` must be UTF-8.
void append_json_string(std::string& out, std::string_view text);

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  JsonWriter& open(char bracket);   // '{' or '[': an array element, or the value after key()
  JsonWriter& close(char bracket);  // '}' or ']'
  // `name` must need no escape. Inline, since most names are compile-time constants.
  JsonWriter& key(std::string_view name) {
    if (name.size() > max_piece) return long_key(name);
    char* at = room(name.size() + 4);
    if (!first_) *at++ = ',';
    *at++ = '"';
    std::memcpy(at, name.data(), name.size());
    at += name.size();
    *at++ = '"';
    *at++ = ':';
    used_ = static_cast<std::size_t>(at - buffer_);
    first_ = true;
    return *this;
  }

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(std::uint64_t number);
  JsonWriter& value(bool truth) { return raw(truth ? "true" : "false"); }
  JsonWriter& value(Position position);  // as a string
  JsonWriter& null() { return raw("null"); }
  JsonWriter& raw(std::string_view json);      // a value that is already JSON
  JsonWriter& members(std::string_view json);  // members, each preceded by a comma, already JSON
  JsonWriter& time(std::int64_t unix_ms);      // as RFC 3339

  template <class T>
  JsonWriter& field(std::string_view name, const T& v) {
    return key(name).value(v);
  }
  // Omitted if the text is empty.
  JsonWriter& optional_field(std::string_view name, std::string_view text) {
    return text.empty() ? *this : key(name).value(text);
  }

 private:
  static constexpr std::size_t max_piece = 128;
  static constexpr std::size_t buffer_bytes = 512;

  // For at most max_piece bytes and their framing.
  char* room(std::size_t bytes) {
    if (buffer_bytes - used_ < bytes) flush();
    return buffer_ + used_;
  }
  void put(std::string_view piece);
  void separate() {
    if (!first_) *room(1) = ',', ++used_;
    first_ = false;
  }
  JsonWriter& long_key(std::string_view name);
  JsonWriter& end_value() {
    if (depth_ == 0) flush();
    return *this;
  }
  void flush() {
    out_.append(buffer_, used_);
    used_ = 0;
  }

  std::string& out_;
  bool first_ = true;
  unsigned depth_ = 0;
  std::size_t used_ = 0;
  char buffer_[buffer_bytes];
};

}  // namespace revoked::engine
