#include "tests/support/json.hpp"

#include <simdjson.h>

namespace revoked::test {

struct JsonBuilder {
  static Json build(simdjson::dom::element element) {
    Json out;
    switch (element.type()) {
      case simdjson::dom::element_type::ARRAY:
        out.type_ = Json::Type::array;
        for (auto item : element.get_array()) out.items_.push_back(build(item));
        break;
      case simdjson::dom::element_type::OBJECT:
        out.type_ = Json::Type::object;
        for (auto member : element.get_object()) {
          out.members_.emplace_back(std::string(member.key), build(member.value));
        }
        break;
      case simdjson::dom::element_type::STRING:
        out.type_ = Json::Type::text;
        out.text_ = std::string(element.get_string().value());
        break;
      case simdjson::dom::element_type::BOOL:
        out.type_ = Json::Type::boolean;
        out.number_ = element.get_bool().value();
        break;
      case simdjson::dom::element_type::NULL_VALUE:
        out.type_ = Json::Type::null;
        break;
      default:
        out.type_ = Json::Type::number;
        if (std::int64_t number = 0; element.get(number) == simdjson::SUCCESS) {
          out.number_ = number;
        } else {
          out.number_ = static_cast<std::int64_t>(element.get_double().value());
        }
    }
    return out;
  }
};

Json Json::parse(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return {};
  return JsonBuilder::build(root);
}

const Json& Json::operator[](std::string_view member) const {
  static const Json missing;
  for (const auto& [name, value] : members_) {
    if (name == member) return value;
  }
  return missing;
}

const Json& Json::operator[](std::size_t index) const {
  static const Json missing;
  return index < items_.size() ? items_[index] : missing;
}

std::string json_object(std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
  std::string out = "{";
  for (const auto& [name, value] : members) {
    if (out.size() > 1) out += ',';
    out.append("\"").append(name).append("\":\"").append(value).append("\"");
  }
  return out + "}";
}

}  // namespace revoked::test
