#pragma once
// Text that is another one for each number: of a path, a header, a body, a line. Its placeholders:
//   {n} {n:W}          the number, filled with zeros to W digits
//   {n%M} {n%M:W}      its rest by M
//   {uuid}             a UUIDv7 of its own
//   {secret} {digest}  a secret of its own, of the length of those that revoked issues; its SHA-256 in hex
// Any other brace stands for itself, so that JSON can be written plainly. The same number gives the same text
// in every run. Immutable, so usable from any thread.

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
