#pragma once
// A JSON object of the description files, which are part of the program: one that is not valid, or lacks a
// member that is needed, is a bug, and an exception. Any thread.

#include <span>
#include <string>
#include <string_view>

#include "net/http/json_reader.hpp"

namespace revoked::net::openapi {

class Object {
 public:
  explicit Object(std::string_view json);

  bool has(std::string_view name) const { return find_member(members_, name) != nullptr; }
  // A string, or an object as JSON. Empty if absent, or of another kind.
  std::string_view text(std::string_view name) const;
  std::string_view needed(std::string_view name) const;  // the same, but never absent
  // An object: empty if absent.
  Object object(std::string_view name) const;
  // The elements of an array of strings, or of objects as JSON. Empty if absent.
  std::span<const std::string> list(std::string_view name) const;

  auto begin() const { return members_.begin(); }
  auto end() const { return members_.end(); }

 private:
  JsonMembers members_;
};

}  // namespace revoked::net::openapi
