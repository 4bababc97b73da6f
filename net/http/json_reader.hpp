#pragma once
// Reads JSON objects. Strict: one object of at most 64 members, UTF-8, nothing behind it. What members a
// request may have: members.hpp.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"

namespace revoked::net {

struct JsonMember {
  enum class Kind { null, boolean, number, string, strings, object, objects, mixed, other };
  std::string name;
  Kind kind = Kind::null;
  bool truth = false;
  std::int64_t number = 0;  // of an integer; other numbers are `other`
  std::string text;         // a string; an object, as it was sent but for white space
  // An array of nothing but strings, or objects (minified JSON); of another array the objects, and an empty
  // text for everything else.
  std::vector<std::string> strings;
  bool is_repeated = false;     // a member before it has the same name
  bool repeats_inside = false;  // an object within it, or itself, has a member twice
};

using JsonMembers = std::vector<JsonMember>;

// errc::malformed if it is not such an object; `why` is set to what is wrong with it, for people.
engine::result<JsonMembers> read_json_members(std::string_view json, std::string& why);
// The same of one in which no member comes twice.
engine::result<JsonMembers> read_json_object(std::string_view json);

// What stands behind a byte order mark (RFC 8259, section 8.1, lets a reader pass over it), if there is one.
std::string_view without_bom(std::string_view text);

// One member of an object of nothing but strings. Views what the thread has read last.
struct TextMember {
  std::string_view name;
  std::string_view text;
};
// As read_json_object, for an object of at most `members.size()` strings (a null counts as not there),
// without an allocation. Answers how many there are.
engine::result<std::size_t> read_json_texts(std::string_view json, std::span<TextMember> members);

// Whether text from elsewhere than JSON may go into JSON.
bool is_utf8(std::string_view text);

// Null if there is none.
const JsonMember* find_member(const JsonMembers& members, std::string_view name);

}  // namespace revoked::net
