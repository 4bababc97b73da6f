#pragma once
// Writes JSON at the end of a string. The caller sees to the structure; this sees to commas and escapes.
//
//   JsonWriter json(out);
//   json.open('{').field("key_id", id).field("count", 3).close('}');

#include <cstdint>
#include <string>
#include <string_view>

namespace revoked::cache {

// Appends `text` as a JSON string with its quotes (RFC 8259). `text` must be UTF-8.
void append_json_string(std::string& out, std::string_view text);

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& open(char bracket);   // '{' or '[': an element of the array around it, or the value after key()
  JsonWriter& close(char bracket);  // '}' or ']'
  JsonWriter& key(std::string_view name);  // of ours: nothing in it needs an escape

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(std::uint64_t number);
  JsonWriter& value(bool truth);
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // a value that is JSON already
  JsonWriter& time(std::int64_t unix_ms);  // as RFC 3339

  template <class T>
  JsonWriter& field(std::string_view name, const T& v) {
    return key(name).value(v);
  }
  // Nothing if the text is empty.
  JsonWriter& optional_field(std::string_view name, std::string_view text) {
    return text.empty() ? *this : key(name).value(text);
  }

 private:
  void separate();
  std::string& out_;
  bool first_ = true;
};

}  // namespace revoked::cache
