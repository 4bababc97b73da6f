#pragma once
// Lists of permissions, as text.

#include <string>
#include <string_view>

namespace revoked::engine {

// Permissions are visible ASCII words separated by one space; the empty text is the empty set.
bool is_permission_list(std::string_view text);
bool has_permission(std::string_view list, std::string_view permission);
// Sorted and without duplicates: one text per set.
bool is_normal(std::string_view list);
std::string normal_form(std::string_view list);

template <class Visit>
void for_each_permission(std::string_view list, Visit&& visit) {
  while (!list.empty()) {
    const auto space = list.find(' ');
    visit(list.substr(0, space));
    list = space == std::string_view::npos ? std::string_view() : list.substr(space + 1);
  }
}

}  // namespace revoked::engine
