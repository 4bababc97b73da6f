#include "net/http/json_reader.hpp"

#include <simdjson.h>

#include <algorithm>

namespace revoked::net {
namespace {

using Kind = JsonMember::Kind;
namespace dom = simdjson::dom;

constexpr std::size_t max_depth = 16;
constexpr std::size_t max_members = 64;  // each is compared with all before it; no request has half as many

// An empty array counts as one of strings.
void read_array(dom::array array, JsonMember& member) {
  bool strings = true;
  bool objects = true;
  for (const dom::element item : array) {
    strings = strings && item.is_string();
    objects = objects && item.is_object();
  }
  member.kind = strings ? Kind::strings : objects ? Kind::objects : Kind::mixed;
  for (const dom::element item : array) {
    if (item.is_object())
      member.strings.push_back(simdjson::minify(item));
    else
      member.strings.emplace_back(strings ? std::string_view(item) : std::string_view());
  }
}

// Walks the text of an object that was parsed without error, to return values as they were sent: parsed and
// written again, a number could change, and grow.
class SentValues {
 public:
  explicit SentValues(std::string_view object) : rest_(object) { skip_to('{'); }

  // The next member's value, without the white space between its tokens.
  std::string next() {
    skip_to('"');
    skip_string();
    skip_to(':');
    std::string value;
    std::size_t depth = 0;
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (depth == 0 && (c == ',' || c == '}')) break;
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      const auto token = rest_;
      rest_.remove_prefix(1);
      if (c == '"') skip_string();
      if (!is_space(c)) value.append(token.substr(0, token.size() - rest_.size()));
    }
    return value;
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  void skip_to(char c) { rest_.remove_prefix(std::min(rest_.find(c), rest_.size() - 1) + 1); }
  void skip_string() {  // from after its opening quotation mark to after its closing one
    std::size_t at = 0;
    while (at < rest_.size() && rest_[at] != '"') at += rest_[at] == '\\' ? 2 : 1;
    rest_.remove_prefix(std::min(at + 1, rest_.size()));
  }

  std::string_view rest_;
};

bool repeats(dom::element value) {
  dom::object object;
  dom::array array;
  if (value.get(array) == simdjson::SUCCESS)
    return std::any_of(array.begin(), array.end(), [](dom::element item) { return repeats(item); });
  if (value.get(object) != simdjson::SUCCESS) return false;
  std::vector<std::string_view> names;
  for (const auto& [name, member] : object) {
    if (repeats(member)) return true;
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

void read_value(dom::element value, JsonMember& member) {
  switch (value.type()) {
    case dom::element_type::NULL_VALUE:
      member.kind = Kind::null;
      break;
    case dom::element_type::BOOL:
      member.kind = Kind::boolean;
      member.truth = bool(value);
      break;
    case dom::element_type::INT64:
      member.kind = Kind::number;
      member.number = std::int64_t(value);
      break;
    case dom::element_type::STRING:
      member.kind = Kind::string;
      member.text = std::string_view(value);
      break;
    case dom::element_type::ARRAY:
      read_array(dom::array(value), member);
      break;
    case dom::element_type::OBJECT:
      member.kind = Kind::object;  // its text: see read_json_members
      member.repeats_inside = repeats(value);
      break;
    default:
      member.kind = Kind::other;
  }
}

simdjson::error_code parse_object(std::string_view json, dom::object& object) {
  thread_local dom::parser parser;
  if (parser.max_depth() != max_depth) {
    if (const auto error = parser.allocate(4096, max_depth)) return error;
  }
  dom::element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root)) return error;
  return root.get(object);
}

std::string explain(std::string_view json, simdjson::error_code error) {
  if (json.find_first_not_of(" \t\r\n") == std::string_view::npos) return "it is empty";
  return error == simdjson::INCORRECT_TYPE ? "it is a JSON value of another type"
                                           : simdjson::error_message(error);
}

}  // namespace

engine::result<JsonMembers> read_json_members(std::string_view json, std::string& why) {
  dom::object object;
  if (const auto error = parse_object(json, object)) {
    why = explain(json, error);
    return engine::errc::malformed;
  }
  JsonMembers members;
  if (object.size() > max_members) {
    why = "it has more than " + std::to_string(max_members) + " members";
    return engine::errc::malformed;
  }
  for (const auto& [key, value] : object) {
    const bool is_repeated = std::any_of(members.begin(), members.end(),
                                         [&name = key](const auto& other) { return other.name == name; });
    auto& member = members.emplace_back();
    member.name = key;
    member.is_repeated = is_repeated;
    read_value(value, member);
  }
  const auto is_object = [](const JsonMember& member) { return member.kind == Kind::object; };
  auto objects_left = std::count_if(members.begin(), members.end(), is_object);
  SentValues sent(json);
  for (auto member = members.begin(); objects_left != 0; ++member) {
    auto text = sent.next();
    if (!is_object(*member)) continue;
    member->text = std::move(text);
    --objects_left;
  }
  return members;
}

engine::result<JsonMembers> read_json_object(std::string_view json) {
  std::string why;
  auto members = read_json_members(json, why);
  if (members && std::ranges::any_of(*members, &JsonMember::is_repeated)) return engine::errc::malformed;
  return members;
}

std::string_view without_bom(std::string_view text) {
  constexpr std::string_view bom = "\xef\xbb\xbf";
  return text.starts_with(bom) ? text.substr(bom.size()) : text;
}

engine::result<std::size_t> read_json_texts(std::string_view json, std::span<TextMember> members) {
  dom::object object;
  if (parse_object(json, object)) return engine::errc::malformed;
  std::size_t count = 0;
  for (const auto& [key, value] : object) {
    if (value.is_null()) continue;
    TextMember member{key, {}};
    const auto same = [&](const TextMember& other) { return other.name == member.name; };
    if (count == members.size() || value.get(member.text) != simdjson::SUCCESS ||
        std::any_of(members.begin(), members.begin() + static_cast<std::ptrdiff_t>(count), same)) {
      return engine::errc::malformed;
    }
    members[count++] = member;
  }
  return count;
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

const JsonMember* find_member(const JsonMembers& members, std::string_view name) {
  const auto found =
      std::find_if(members.begin(), members.end(), [&](const auto& m) { return m.name == name; });
  return found == members.end() ? nullptr : &*found;
}

}  // namespace revoked::net
