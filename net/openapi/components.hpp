#pragma once
// The `components` of a document: those of components.json that the document refers to, and the responses for
// problems (problems.json). One thread.

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace revoked::net::openapi {

class Components {
 public:
  Components();

  // Adds the schemas of an API, as an object.
  void add_schemas(std::string_view json);

  // The reference to a component, as an object. Without one of that name: std::logic_error.
  std::string reference(std::string_view kind, std::string_view name) const;

  // The reference to the response for the problems with these codes, all of one status. It has these headers
  // besides those of every problem of that status.
  std::string problem(std::span<const std::string_view> codes,
                      std::span<const std::string_view> more_headers);
  // The status of the problems with this code.
  unsigned status_of(std::string_view code) const;

  // All of them that `json` refers to, those that these refer to, and the security schemes, as one object.
  std::string needed_by(std::string_view json, const std::set<std::string>& schemes) const;

 private:
  using Key = std::pair<std::string, std::string>;  // kind, name

  void add_problems();

  std::map<Key, std::string> all_;  // as JSON
  std::map<std::string, unsigned, std::less<>> statuses_;
  std::map<std::string, std::string, std::less<>> meanings_;  // by code
};

// Headers of a response, by their names: each refers to its component.
std::string header_references(const Components& components, std::span<const std::string_view> names);

}  // namespace revoked::net::openapi
