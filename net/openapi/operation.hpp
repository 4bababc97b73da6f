#pragma once
// One operation of a document: a route, as its table and its description say. One thread.

#include <set>
#include <string>
#include <string_view>

#include "net/openapi/components.hpp"
#include "net/openapi/document.hpp"
#include "net/openapi/object.hpp"

namespace revoked::net::openapi {

// What all operations of one API share.
struct SharedParts {
  SharedParts(Components& all_components, std::set<std::string>& used_schemes, const Object& common,
              const Object& described)
      : components(all_components),
        schemes(used_schemes),
        query(common.object("query")),
        forms(common.object("forms")),
        accepted(common.needed("accepted")),
        api(described),
        path(described.object("path")),
        answers(described.object("answers")) {}

  Components& components;
  std::set<std::string>& schemes;  // those that were used are added
  // Of common.json.
  const Object query;
  const Object forms;
  const std::string_view accepted;
  // Of <api>.json: all of it, and two of its members.
  const Object& api;
  const Object path;
  const Object answers;
};

// As an object. `path` has names for the parameters of the pattern. `method` is one of those that the route
// takes, in lower case: if it takes any, the operation's id ends in it.
std::string operation(const SharedParts& parts, const RouteFacts& route, std::string_view path,
                      std::string_view method, const Object& described);

}  // namespace revoked::net::openapi
