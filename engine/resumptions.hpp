#pragma once
// Resumed keys and lifted locks that are not durable yet: an allow must never precede the disk (P2), so in
// the tables a key stays suspended, and a lock set, until the event is synced.

#include <deque>
#include <map>
#include <utility>

#include "engine/base/mutex.hpp"
#include "engine/journal/journal.hpp"
#include "engine/tables/tables.hpp"

namespace revoked::engine {

class Resumptions final : public CommitListener {
 public:
  explicit Resumptions(Tables& tables) : tables_(tables) {}

  // By the holder of the turn.
  void add(Sequence sequence, Slot key) {
    const MutexLock lock(mutex_);
    pending_.emplace(sequence, key);
  }
  // Cancels a pending resumption: the key is suspended again.
  void drop(Slot key) {
    const MutexLock lock(mutex_);
    std::erase_if(pending_, [&](const auto& entry) { return entry.second == key; });
  }
  // Calls `lock`, which locks an owner again, without a pending lift taking effect concurrently.
  template <class Lock>
  void relock(Lock&& lock) {
    const MutexLock guard(mutex_);
    lock();
  }
  void lift(Sequence sequence, Slot lock) {
    const MutexLock guard(mutex_);
    tables_.locks.begin_lift(lock, sequence);
    lifted_.emplace_back(sequence, lock);
  }
  bool is_pending(Slot key) const {
    const MutexLock lock(mutex_);
    for (const auto& [sequence, slot] : pending_) {
      if (slot == key) return true;
    }
    return false;
  }

  // Whether all up to `sequence` have been applied.
  bool are_applied(Sequence sequence) const {
    const MutexLock lock(mutex_);
    return (pending_.empty() || pending_.begin()->first > sequence) &&
           (lifted_.empty() || lifted_.front().first > sequence);
  }

  void on_durable(Sequence durable) override {
    const MutexLock lock(mutex_);
    while (!pending_.empty() && pending_.begin()->first <= durable) {
      tables_.resume_key(pending_.begin()->second);
      pending_.erase(pending_.begin());
    }
    for (; !lifted_.empty() && lifted_.front().first <= durable; lifted_.pop_front())
      tables_.locks.end_lift(lifted_.front().second, lifted_.front().first);
  }

 private:
  Tables& tables_;
  mutable Mutex<2> mutex_;
  // Both bounded by what may wait for the disk.
  std::map<Sequence, Slot> pending_ REVOKED_GUARDED_BY(mutex_);
  std::deque<std::pair<Sequence, Slot>> lifted_ REVOKED_GUARDED_BY(mutex_);
};

}  // namespace revoked::engine
