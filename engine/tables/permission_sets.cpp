#include "engine/tables/permission_sets.hpp"

#include "engine/model/permissions.hpp"

namespace revoked::engine {

Slot PermissionSets::slot_of(std::string_view normal_list) const {
  const MutexLock lock(mutex_);
  const auto found = slots_.find(normal_list);
  return found == slots_.end() ? no_slot : found->second;
}

Slot PermissionSets::intern(std::string_view list) {
  if (!is_normal(list)) return intern(normal_form(list));
  const MutexLock lock(mutex_);
  if (const auto found = slots_.find(list); found != slots_.end()) return found->second;
  const Slot slot = sets_.add();
  sets_[slot] = std::string(list);
  slots_.emplace(sets_[slot], slot);
  return slot;
}

}  // namespace revoked::engine
