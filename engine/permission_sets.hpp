#pragma once
// Sets of permissions, each kept once: millions of keys share a few. Thread-safe.

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/slab.hpp"

namespace revoked::engine {

// Permissions are visible ASCII words separated by one space; the empty text is the empty set.
bool is_permission_list(std::string_view text);
bool has_permission(std::string_view list, std::string_view permission);

class PermissionSets {
 public:
  Slot intern(std::string_view list);
  std::string_view get(Slot slot) const { return sets_[slot]; }

 private:
  std::mutex mutex_;
  std::unordered_map<std::string_view, Slot> slots_;  // the texts are those in sets_
  Slab<std::string> sets_;
};

}  // namespace revoked::engine
