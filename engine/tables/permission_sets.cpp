#include "engine/tables/permission_sets.hpp"

#include "engine/model/permissions.hpp"

namespace revoked::engine {

bool PermissionSets::contains(std::string_view normal_list) {
  const std::scoped_lock lock(mutex_);
  return slots_.contains(normal_list);
}

Slot PermissionSets::intern(std::string_view list) {
  if (!is_normal(list)) return intern(normal_form(list));
  const std::scoped_lock lock(mutex_);
  if (const auto found = slots_.find(list); found != slots_.end()) return found->second;
  const Slot slot = sets_.add();
  sets_[slot] = std::string(list);
  slots_.emplace(sets_[slot], slot);
  return slot;
}

}  // namespace revoked::engine
