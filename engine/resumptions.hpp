#pragma once
// Keys that were resumed, but not durably yet: an allow never runs ahead of the disk (P2), so a key stays
// suspended in the tables until its resumption is synced.

#include <map>
#include <mutex>

#include "engine/journal.hpp"
#include "engine/tables.hpp"

namespace revoked::engine {

class Resumptions final : public CommitListener {
 public:
  explicit Resumptions(Tables& tables) : tables_(tables) {}

  // By whoever holds the turn.
  void add(Sequence sequence, Slot key) {
    const std::scoped_lock lock(mutex_);
    pending_.emplace(sequence, key);
  }
  // The key is suspended again, or changed otherwise: what is pending no longer counts.
  void suspend(Slot key, Width by) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(pending_, [&](const auto& entry) { return entry.second == key; });
    tables_.suspend_key(key, by);
  }
  bool is_pending(Slot key) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& [sequence, slot] : pending_) {
      if (slot == key) return true;
    }
    return false;
  }

  // Whether all up to `sequence` have taken effect.
  bool are_settled(Sequence sequence) const {
    const std::scoped_lock lock(mutex_);
    return pending_.empty() || pending_.begin()->first > sequence;
  }

  void on_durable(Sequence durable) override {
    const std::scoped_lock lock(mutex_);
    while (!pending_.empty() && pending_.begin()->first <= durable) {
      tables_.resume_key(pending_.begin()->second);
      pending_.erase(pending_.begin());
    }
  }

 private:
  Tables& tables_;
  mutable std::mutex mutex_;
  std::map<Sequence, Slot> pending_;  // bounded by what may wait for the disk
};

}  // namespace revoked::engine
