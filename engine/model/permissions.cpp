#include "engine/model/permissions.hpp"

#include <algorithm>
#include <vector>

namespace revoked::engine {

bool is_permission_list(std::string_view text) {
  if (text.empty()) return true;
  if (text.front() == ' ' || text.back() == ' ' || text.find("  ") != std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

bool has_permission(std::string_view list, std::string_view permission) {
  bool found = false;
  for_each_permission(list, [&](std::string_view one) { found = found || one == permission; });
  return found;
}

bool is_normal(std::string_view list) {
  std::string_view before;
  bool normal = true;
  for_each_permission(list, [&](std::string_view one) {
    normal = normal && before < one;
    before = one;
  });
  return normal;
}

std::string normal_form(std::string_view list) {
  std::vector<std::string_view> words;
  for_each_permission(list, [&](std::string_view one) { words.push_back(one); });
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  std::string text;
  for (const auto word : words) {
    if (!text.empty()) text.push_back(' ');
    text.append(word);
  }
  return text;
}

}  // namespace revoked::engine
