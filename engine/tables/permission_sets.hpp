#pragma once
// Sets of permissions, each stored once: millions of keys share a few. Thread-safe.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/base/keyed_hash.hpp"
#include "engine/base/mutex.hpp"
#include "engine/base/slab.hpp"

namespace revoked::engine {

class PermissionSets {
 public:
  Slot intern(std::string_view list);  // in any order; get() returns the normal form
  bool contains(std::string_view normal_list) const { return slot_of(normal_list) != no_slot; }
  Slot slot_of(std::string_view normal_list) const;  // no_slot: not found
  // The memory that storing a further set takes, in bytes.
  static std::size_t cost_of(std::string_view list) { return list.empty() ? 0 : list.size() + 128; }
  std::size_t size() const {  // readable sets
    const MutexLock lock(mutex_);
    return sets_.size();
  }
  std::string_view get(Slot slot) const { return sets_[slot]; }

 private:
  mutable Mutex<3> mutex_;
  std::unordered_map<std::string_view, Slot, KeyedHash> slots_
      REVOKED_GUARDED_BY(mutex_);  // views of the texts in sets_
  Slab<std::string> sets_;
};

}  // namespace revoked::engine
