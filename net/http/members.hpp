#pragma once
// The members of a JSON object in a request. Each route, and each kind of line, lists the members that it
// takes, and what they may be, in one table; any other is refused by name.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/http/json_reader.hpp"

namespace revoked::net {

struct MemberForm {
  std::string_view name;
  JsonMember::Kind kind;
  std::string_view form;  // what it may be, for people
};

// Why a body or a line is refused. `code` is one of the native API's.
struct Fault {
  std::string_view code;  // empty: nothing is wrong
  std::string member;     // which it is about; empty: all of it
  std::string detail;     // for people

  explicit operator bool() const { return !code.empty(); }
};

// The value of member `name` is not what `forms` allow.
Fault wrong_value(std::string_view name, std::span<const MemberForm> forms);

// The members of one object, all of them named in `forms` and of their kind; a null counts as absent. The
// caller checks the values.
class Members {
 public:
  Fault read(std::string_view json, std::span<const MemberForm> forms);
  // The same for a body that may be absent.
  Fault read_optional(std::string_view json, std::span<const MemberForm> forms) {
    return json.empty() ? Fault{} : read(json, forms);
  }

  // Null if absent.
  const JsonMember* find(std::string_view name) const { return find_member(members_, name); }
  std::string_view text_or_empty(std::string_view name) const;
  // Whether the member was given as null.
  bool is_null(std::string_view name) const;
  bool is_empty() const { return members_.empty() && nulls_.empty(); }
  // Renames a member that is an alias.
  void rename(std::string_view from, std::string_view to);

  auto begin() const { return members_.begin(); }
  auto end() const { return members_.end(); }

 private:
  JsonMembers members_;  // without nulls
  std::vector<std::string> nulls_;
};

}  // namespace revoked::net
