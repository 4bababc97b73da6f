#pragma once
// Enough JSON to read answers: a parsed value whose accessors never fail, so that a test fails at its own
// comparison and not in here.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace revoked::test {

class Json {
 public:
  enum class Type { missing, null, boolean, number, text, array, object };

  Json() = default;
  // A value of type `missing` if `text` is not JSON.
  static Json parse(std::string_view text);

  Type type() const { return type_; }
  bool exists() const { return type_ != Type::missing; }

  const Json& operator[](std::string_view member) const;  // a value of type `missing` if absent
  const Json& operator[](std::size_t index) const;
  const std::vector<Json>& items() const { return items_; }
  std::size_t size() const { return items_.size() + members_.size(); }

  const std::string& text() const { return text_; }  // empty unless a string
  std::int64_t number() const { return number_; }    // 0 unless a number
  bool is_true() const { return type_ == Type::boolean && number_ != 0; }

 private:
  friend struct JsonBuilder;
  Type type_ = Type::missing;
  std::int64_t number_ = 0;
  std::string text_;
  std::vector<Json> items_;
  std::vector<std::pair<std::string, Json>> members_;
};

// {"name":"value",...} of plain strings that need no escapes.
std::string json_object(std::initializer_list<std::pair<std::string_view, std::string_view>> members);

}  // namespace revoked::test
