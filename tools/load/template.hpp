#pragma once
// A text template expanded per number: a path, a header, a body, a line. Its placeholders:
//   {n} {n:W}          the number, zero-padded to W digits
//   {n%M} {n%M:W}      the number modulo M
//   {uuid}             a UUIDv7 unique to the number
//   {secret} {digest}  a secret unique to the number, as long as issued ones; its SHA-256 in hex
// Other braces are literal, so that JSON needs no escapes. The same number gives the same text in every run.
// Immutable, usable from any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace revoked::load {

class Template {
 public:
  explicit Template(std::string_view text);
  // Appends the text for `number`.
  void expand(std::uint64_t number, std::string& out) const;
  bool empty() const { return parts_.empty(); }

 private:
  enum class Kind { text, number, uuid, secret, digest };
  struct Part {
    Kind kind = Kind::text;
    std::string text;
    std::uint64_t modulus = 0;  // 0: the number itself
    std::size_t width = 0;
  };

  static bool parse_placeholder(std::string_view inside, Part& part);

  std::vector<Part> parts_;
};

}  // namespace revoked::load
