#pragma once
// The decisions whose ids or permissions do not fit into an entry, by the entry's slot, in insertion order.
// The caller limits the bytes by erasing oldest(). One thread at a time.

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>
#include <utility>

#include "cache/bus/decision.hpp"

namespace revoked::cache {

class LongDecisions {
 public:
  using Slot = std::uint32_t;
  using Pointer = std::shared_ptr<const Decision>;

  // Memory of a decision: the text, and the overhead of containers and allocator.
  static std::size_t bytes_of(const Decision& decision) {
    std::size_t bytes = sizeof(Decision) + 192;
    for (const auto* const text : {&decision.key_id, &decision.user, &decision.application,
                                   &decision.workspace, &decision.permissions}) {
      bytes += text->capacity() + 16;
    }
    return bytes;
  }

  bool empty() const { return kept_.empty(); }
  std::size_t bytes() const { return bytes_; }
  Slot oldest() const { return order_.front(); }

  const Pointer* find(Slot slot) const {
    const auto kept = kept_.find(slot);
    return kept == kept_.end() ? nullptr : &kept->second.decision;
  }
  void put(Slot slot, Decision decision) {  // `slot` must be empty
    const auto bytes = bytes_of(decision);
    const auto place = order_.insert(order_.end(), slot);
    kept_.emplace(slot, Kept{std::make_shared<const Decision>(std::move(decision)), place, bytes});
    bytes_ += bytes;
  }
  void erase(Slot slot) {
    const auto kept = kept_.find(slot);
    if (kept == kept_.end()) return;
    bytes_ -= kept->second.bytes;
    order_.erase(kept->second.place);
    kept_.erase(kept);
  }
  void clear() {
    kept_.clear();
    order_.clear();
    bytes_ = 0;
  }

 private:
  struct Kept {
    Pointer decision;
    std::list<Slot>::iterator place;
    std::size_t bytes;
  };
  std::unordered_map<Slot, Kept> kept_;
  std::list<Slot> order_;
  std::size_t bytes_ = 0;
};

}  // namespace revoked::cache
