#include "net/openapi/object.hpp"

#include <stdexcept>

namespace revoked::net::openapi {

Object::Object(std::string_view json) {
  std::string why;
  auto read = read_json_members(json, why);
  if (!read) throw std::logic_error("not a JSON object: " + why + ": " + std::string(json.substr(0, 200)));
  members_ = std::move(*read);
  for (const auto& member : members_) {
    if (member.is_repeated) throw std::logic_error("the member is repeated: " + member.name);
  }
}

std::string_view Object::text(std::string_view name) const {
  const auto* const member = find_member(members_, name);
  return member == nullptr ? std::string_view() : member->text;
}

std::string_view Object::needed(std::string_view name) const {
  if (!has(name)) throw std::logic_error("the member is missing: " + std::string(name));
  return text(name);
}

Object Object::object(std::string_view name) const {
  const auto json = text(name);
  return Object(json.empty() ? "{}" : json);
}

std::span<const std::string> Object::list(std::string_view name) const {
  const auto* const member = find_member(members_, name);
  return member == nullptr ? std::span<const std::string>() : member->strings;
}

}  // namespace revoked::net::openapi
