#include "engine/permission_sets.hpp"

#include <algorithm>

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

Slot PermissionSets::intern(std::string_view list) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = slots_.find(list); found != slots_.end()) return found->second;
  const Slot slot = sets_.add();
  sets_[slot] = std::string(list);
  slots_.emplace(sets_[slot], slot);
  return slot;
}

}  // namespace revoked::engine
