#pragma once
// A second, simple JSON parser (RFC 8259), to compare with the product's. Numbers stay as written, members
// keep their order and repetitions. Does not check whether texts are UTF-8.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace revoked::test {

struct PlainJson {
  enum class Kind { null, boolean, number, text, array, object };
  Kind kind = Kind::null;
  std::string text;                // a string, decoded; a number, as written; the word of a boolean
  std::vector<std::string> names;  // names of the members of an object
  std::vector<PlainJson> items;    // elements of an array, values of the members of an object

  friend bool operator==(const PlainJson&, const PlainJson&) = default;

  // Null if there is none; the first of several.
  const PlainJson* find(std::string_view name) const {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == name) return &items[i];
    }
    return nullptr;
  }
  std::string text_of(std::string_view name) const {
    const auto* found = find(name);
    return found != nullptr && found->kind == Kind::text ? found->text : std::string();
  }
};

class PlainJsonReader {
 public:
  static constexpr int max_depth = 64;

  static std::optional<PlainJson> read(std::string_view text) {
    PlainJsonReader reader(text);
    PlainJson value;
    if (!reader.value(value, 0)) return {};
    reader.blanks();
    if (!reader.rest_.empty()) return {};
    return value;
  }

 private:
  using Kind = PlainJson::Kind;

  explicit PlainJsonReader(std::string_view text) : rest_(text) {}

  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  void blanks() {
    while (!rest_.empty() && std::string_view(" \t\r\n").find(rest_.front()) != std::string_view::npos)
      rest_.remove_prefix(1);
  }
  std::size_t digits() {
    std::size_t count = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      rest_.remove_prefix(1);
      ++count;
    }
    return count;
  }

  bool value(PlainJson& out, int depth) {
    blanks();
    if (rest_.empty() || depth > max_depth) return false;
    switch (rest_.front()) {
      case '{':
        return object(out, depth);
      case '[':
        return array(out, depth);
      case '"':
        out.kind = Kind::text;
        return string(out.text);
      case 't':
        out = {Kind::boolean, "true", {}, {}};
        return take("true");
      case 'f':
        out = {Kind::boolean, "false", {}, {}};
        return take("false");
      case 'n':
        out = {};
        return take("null");
      default:
        return number(out);
    }
  }

  bool number(PlainJson& out) {
    const auto whole = rest_;
    take("-");
    if (!take("0") && digits() == 0) return false;
    if (take(".") && digits() == 0) return false;
    if (take("e") || take("E")) {
      if (!take("+")) take("-");
      if (digits() == 0) return false;
    }
    out = {Kind::number, std::string(whole.substr(0, whole.size() - rest_.size())), {}, {}};
    return true;
  }

  bool array(PlainJson& out, int depth) {
    out = {Kind::array, {}, {}, {}};
    take("[");
    blanks();
    if (take("]")) return true;
    do {
      if (!value(out.items.emplace_back(), depth + 1)) return false;
      blanks();
    } while (take(","));
    return take("]");
  }

  bool object(PlainJson& out, int depth) {
    out = {Kind::object, {}, {}, {}};
    take("{");
    blanks();
    if (take("}")) return true;
    do {
      blanks();
      if (!string(out.names.emplace_back())) return false;
      blanks();
      if (!take(":") || !value(out.items.emplace_back(), depth + 1)) return false;
      blanks();
    } while (take(","));
    return take("}");
  }

  bool string(std::string& out) {
    if (!take("\"")) return false;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        out.push_back(c);
      } else if (!escape(out)) {
        return false;
      }
    }
    return false;
  }

  bool escape(std::string& out) {
    if (rest_.empty()) return false;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    constexpr std::string_view names = "\"\\/bfnrt";
    constexpr std::string_view values = "\"\\/\b\f\n\r\t";
    if (const auto at = names.find(c); at != names.npos) {
      out.push_back(values[at]);
      return true;
    }
    std::uint32_t point = 0;
    if (c != 'u' || !hex(point)) return false;
    if (point >= 0xdc00 && point < 0xe000) return false;
    if (point >= 0xd800 && point < 0xdc00) {
      std::uint32_t low = 0;
      if (!take("\\u") || !hex(low) || low < 0xdc00 || low >= 0xe000) return false;
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    append(out, point);
    return true;
  }

  bool hex(std::uint32_t& point) {
    if (rest_.size() < 4) return false;
    point = 0;
    for (const char c : rest_.substr(0, 4)) {
      constexpr std::string_view lower = "0123456789abcdef";
      const auto digit = lower.find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
      if (digit == lower.npos) return false;
      point = point << 4 | static_cast<std::uint32_t>(digit);
    }
    rest_.remove_prefix(4);
    return true;
  }

  static void append(std::string& out, std::uint32_t point) {
    const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (point < 0x80) return put(point);
    if (point < 0x800) {
      put(0xc0 | point >> 6);
    } else {
      if (point < 0x10000) {
        put(0xe0 | point >> 12);
      } else {
        put(0xf0 | point >> 18);
        put(0x80 | (point >> 12 & 0x3f));
      }
      put(0x80 | (point >> 6 & 0x3f));
    }
    put(0x80 | (point & 0x3f));
  }

  std::string_view rest_;
};

inline std::optional<PlainJson> read_plain_json(std::string_view text) { return PlainJsonReader::read(text); }

}  // namespace revoked::test
