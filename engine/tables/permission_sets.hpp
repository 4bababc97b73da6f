#pragma once
// Sets of permissions, each kept once: millions of keys share a few. Thread-safe.

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/base/keyed_hash.hpp"
#include "engine/base/slab.hpp"

namespace revoked::engine {

// Permissions are visible ASCII words separated by one space; the empty text is the empty set.
bool is_permission_list(std::string_view text);
bool has_permission(std::string_view list, std::string_view permission);
// In the order of the alphabet, each once: one text for one set.
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

class PermissionSets {
 public:
  Slot intern(std::string_view list);  // in any order; what get() answers is in the normal one
  bool contains(std::string_view normal_list);
  // What keeping a further set costs, in bytes of memory.
  static std::size_t cost_of(std::string_view list) { return list.empty() ? 0 : list.size() + 128; }
  std::size_t size() const {  // of what is there to be read
    const std::scoped_lock lock(mutex_);
    return sets_.size();
  }
  std::string_view get(Slot slot) const { return sets_[slot]; }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string_view, Slot, KeyedHash> slots_;  // the texts are those in sets_
  Slab<std::string> sets_;
};

}  // namespace revoked::engine
