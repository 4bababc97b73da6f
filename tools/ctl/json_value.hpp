#pragma once
// JSON of any form (RFC 8259), read as a whole: answers of an engine, reports of scanners. Accessors never
// fail: what is absent is a value of kind `missing`.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace revoked::ctl {

class JsonValue {
 public:
  enum class Kind { missing, null, boolean, number, text, array, object };
  using Member = std::pair<std::string, JsonValue>;

  JsonValue() = default;
  // Of kind `missing` if it is not JSON.
  static JsonValue parse(std::string_view json);

  Kind kind() const { return kind_; }
  bool is_object() const { return kind_ == Kind::object; }
  bool is_array() const { return kind_ == Kind::array; }
  bool is_true() const { return kind_ == Kind::boolean && text_ == "true"; }

  const JsonValue& operator[](std::string_view name) const;  // of an object
  const std::vector<Member>& members() const { return members_; }
  const std::vector<JsonValue>& items() const { return items_; }  // of an array
  // A text; a number or a boolean as JSON; else empty.
  const std::string& text() const { return text_; }
  double number() const;  // 0 unless it is one

  std::string json() const;  // without white space; the order of members is kept

 private:
  friend struct JsonValueBuilder;
  void append_to(std::string& out) const;

  Kind kind_ = Kind::missing;
  std::string text_;
  std::vector<JsonValue> items_;
  std::vector<Member> members_;
};

}  // namespace revoked::ctl
