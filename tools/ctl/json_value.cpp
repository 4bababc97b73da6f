#include "tools/ctl/json_value.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/model/json_writer.hpp"

namespace revoked::ctl {

namespace dom = simdjson::dom;

constexpr std::size_t max_depth = 64;

struct JsonValueBuilder {
  static JsonValue build(dom::element element) {
    using Kind = JsonValue::Kind;
    JsonValue value;
    switch (element.type()) {
      case dom::element_type::NULL_VALUE:
        value.kind_ = Kind::null;
        break;
      case dom::element_type::ARRAY:
        value.kind_ = Kind::array;
        for (const dom::element item : dom::array(element)) value.items_.push_back(build(item));
        break;
      case dom::element_type::OBJECT:
        value.kind_ = Kind::object;
        for (const auto& [name, member] : dom::object(element))
          value.members_.emplace_back(std::string(name), build(member));
        break;
      case dom::element_type::STRING:
        value.kind_ = Kind::text;
        value.text_ = std::string_view(element);
        break;
      case dom::element_type::BOOL:
        value.kind_ = Kind::boolean;
        value.text_ = bool(element) ? "true" : "false";
        break;
      default:
        value.kind_ = Kind::number;
        value.text_ = simdjson::minify(element);
    }
    return value;
  }
};

JsonValue JsonValue::parse(std::string_view json) {
  dom::parser parser;
  dom::element root;
  if (parser.allocate(std::max<std::size_t>(json.size(), 4096), max_depth) != simdjson::SUCCESS) return {};
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) return {};
  return JsonValueBuilder::build(root);
}

const JsonValue& JsonValue::operator[](std::string_view name) const {
  static const JsonValue missing;
  const auto found = std::ranges::find(members_, name, &Member::first);
  return found == members_.end() ? missing : found->second;
}

double JsonValue::number() const {
  double number = 0;
  if (kind_ == Kind::number) std::from_chars(text_.data(), text_.data() + text_.size(), number);
  return number;
}

std::string JsonValue::json() const {
  std::string out;
  append_to(out);
  return out;
}

void JsonValue::append_to(std::string& out) const {
  bool is_first = true;
  const auto separate = [&] {
    if (!std::exchange(is_first, false)) out.push_back(',');
  };
  switch (kind_) {
    case Kind::text:
      return engine::append_json_string(out, text_);
    case Kind::boolean:
    case Kind::number:
      out.append(text_);
      return;
    case Kind::array:
      out.push_back('[');
      for (const auto& item : items_) {
        separate();
        item.append_to(out);
      }
      out.push_back(']');
      return;
    case Kind::object:
      out.push_back('{');
      for (const auto& [name, value] : members_) {
        separate();
        engine::append_json_string(out, name);
        out.push_back(':');
        value.append_to(out);
      }
      out.push_back('}');
      return;
    case Kind::missing:
    case Kind::null:
      out.append("null");
  }
}

}  // namespace revoked::ctl
