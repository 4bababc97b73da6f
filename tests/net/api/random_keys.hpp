#pragma once
// Keys as a client might send them: texts of every length up to their limits and a little beyond, numbers in
// every spelling, unnecessary escapes. The sent values are kept with the line, for comparison.

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace revoked::net::test {

class RandomKeys {
 public:
  explicit RandomKeys(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class List>
  const auto& any_of(const List& list) {
    return list[below(std::size(list))];
  }
  // Often at the limit, sometimes beyond it.
  std::size_t length(std::size_t most) {
    switch (below(6)) {
      case 0:
        return most;
      case 1:
        return one_in(8) ? most + 1 : most - below(most < 4 ? 1 : 4);
      case 2:
        return below(most) + 1;
      default:
        return below(std::min<std::size_t>(most, 40)) + 1;
    }
  }

  std::string id(std::size_t most, std::string_view more = "") {
    const auto alphabet =
        std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-").append(more);
    std::string text;
    for (auto left = length(most); left > 0; --left) text.push_back(any_of(alphabet));
    return text;
  }

  // UTF-8 of up to `most` bytes, decoded.
  std::string text(std::size_t most) {
    static constexpr std::string_view pieces[] = {"a",  "b",  " ",    "\"",           "\\",           "/",
                                                  "\n", "\t", "\x01", "\x1f",         "\x7f",         "0",
                                                  "é",  "ß",  "漢",   "\xe2\x80\xa8", "\xe2\x80\xae", "😀"};
    const bool is_plain = one_in(2);
    std::string out;
    const auto limit = length(most);
    while (out.size() < limit) {
      const auto piece = is_plain ? std::string_view("x") : any_of(pieces);
      if (out.size() + piece.size() > limit) break;
      out.append(piece);
    }
    return out;
  }

  // The same as a JSON string, with escapes where they are required and where they are allowed.
  std::string quoted(std::string_view text) {
    std::string out = "\"";
    const bool is_odd = one_in(4);
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || (is_odd && byte < 0x80 && one_in(3))) {
        char escape[8];
        std::snprintf(escape, sizeof escape, one_in(2) ? "\\u%04x" : "\\u%04X", byte);
        out.append(escape);
      } else if (c == '"' || c == '\\' || (c == '/' && one_in(2))) {
        out.append("\\").push_back(c);
      } else {
        out.push_back(c);
      }
    }
    return out.append("\"");
  }

  std::string number() {
    static constexpr std::string_view spellings[] = {"0",
                                                     "-0",
                                                     "1",
                                                     "-1",
                                                     "1e14",
                                                     "1E+14",
                                                     "1e-7",
                                                     "9e22",
                                                     "0.1",
                                                     "-0.0",
                                                     "1.50",
                                                     "1e0",
                                                     "123456789012345678",
                                                     "9223372036854775807",
                                                     "18446744073709551615",
                                                     "-9223372036854775808",
                                                     "3.141592653589793238462643383279",
                                                     "1e300",
                                                     "4.9e-324",
                                                     "100000000000000.0",
                                                     "0.30000000000000004"};
    return std::string(any_of(spellings));
  }

  // A JSON value of about `bytes` bytes.
  std::string value(std::size_t bytes, int depth = 0) {
    const auto kind = depth > 6 ? below(3) : below(6);
    switch (kind) {
      case 0:
        return number();
      case 1:
        return quoted(text(std::max<std::size_t>(bytes, 1)));
      case 2:
        return std::string(
            any_of(std::vector<std::string_view>{"true", "false", "null", "\"\"", "[]", "{}"}));
      case 3:
        return numbers(bytes);
      default:
        return kind == 4 ? array(bytes, depth) : object(bytes, depth);
    }
  }
  // All of one spelling, as many as fit.
  std::string numbers(std::size_t bytes) {
    const auto one = number();
    std::string out = "[" + one;
    while (out.size() + one.size() + 2 < bytes) out.append(",").append(one);
    return out.append("]");
  }
  std::string array(std::size_t bytes, int depth) {
    std::string out = "[";
    for (auto left = below(5); left > 0; --left)
      out.append(out.size() > 1 ? blank() + "," : "").append(value(bytes / 5, depth + 1));
    return out.append(blank()).append("]");
  }
  std::string object(std::size_t bytes, int depth) {
    std::string out = "{";
    for (auto left = below(5); left > 0; --left) {
      out.append(out.size() > 1 ? "," : "").append(blank());
      out.append(quoted("m" + std::to_string(left) + text(8))).append(blank()).append(":");
      out.append(value(bytes / 5, depth + 1));
    }
    return out.append("}");
  }
  std::string blank() { return std::string(one_in(6) ? below(4) : 0, ' '); }

 private:
  std::mt19937 random_;
};

}  // namespace revoked::net::test
