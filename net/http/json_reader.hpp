#pragma once
// Reads JSON objects. Strict: one object of at most 64 members, UTF-8, nothing after it. Which members a
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
  std::string text;         // a string; an object, as sent but without white space
  // Of an array of strings: all; of an array of objects: all, as minified JSON; of a mixed array: the
  // objects, and an empty text for every other element.
  std::vector<std::string> strings;
  bool is_repeated = false;     // an earlier member has the same name
  bool repeats_inside = false;  // the object, or one inside it, has a member twice
};

using JsonMembers = std::vector<JsonMember>;

// errc::malformed if it is not such an object; `why` is set to what is wrong with it, for people.
engine::result<JsonMembers> read_json_members(std::string_view json, std::string& why);
// The same; a repeated member is malformed.
engine::result<JsonMembers> read_json_object(std::string_view json);

// The text after a byte order mark, if there is one (RFC 8259, section 8.1, lets a reader ignore it).
std::string_view without_bom(std::string_view text);

// One member of an object of strings. Views the thread's last parsed text.
struct TextMember {
  std::string_view name;
  std::string_view text;
};
// As read_json_object, for an object of at most `members.size()` strings (a null counts as absent), without
// allocation. Returns their number.
engine::result<std::size_t> read_json_texts(std::string_view json, std::span<TextMember> members);

// Whether text that did not come from JSON may be put into JSON.
bool is_utf8(std::string_view text);

// Null if there is none.
const JsonMember* find_member(const JsonMembers& members, std::string_view name);

}  // namespace revoked::net
