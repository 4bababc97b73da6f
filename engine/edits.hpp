#pragma once
// Edits that grant a key more and are not durable yet: an allow must never precede the disk (P2), so the
// tables do not change until the edit is synced. Gateways are notified at once, as of every change: until
// then no decision about the key may claim to include the edit, or they would cache it.

#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <unordered_map>

#include "engine/base/mutex.hpp"
#include "engine/journal/journal.hpp"
#include "engine/tables/tables.hpp"

namespace revoked::engine {

class Edits final : public CommitListener {
 public:
  explicit Edits(Tables& tables) : tables_(tables) {}

  // By the holder of the turn. `key` is the slot that the key's id finds, which does not change: a key with a
  // pending edit cannot be rotated.
  void add(Sequence sequence, Slot key, const KeyTerms& terms) {
    const MutexLock lock(mutex_);
    pending_.emplace(sequence, Edit{key, terms});
    const auto [of_key, is_first] = by_key_.try_emplace(key, Pending{sequence, sequence, terms});
    if (!is_first) of_key->second = {of_key->second.first, sequence, terms};
    publish_first();
  }
  bool is_pending(Slot key) const {
    const MutexLock lock(mutex_);
    return by_key_.contains(key);
  }
  // The terms of the key after all pending edits.
  KeyTerms latest(Slot key) const {
    const MutexLock lock(mutex_);
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? tables_.terms_of(key) : found->second.latest;
  }

  // The rest from any thread. Up to which sequence a decision about this secret is valid, if it is made from
  // the tables after this call, and they include everything up to `applied` except pending edits.
  Sequence holds_through(Slot secret, Sequence applied) const {
    if (applied < first_.load(std::memory_order_acquire)) [[likely]]
      return applied;
    return before_pending(secret, applied);
  }
  // Whether all edits up to `sequence` have been applied.
  bool are_applied(Sequence sequence) const { return first_.load(std::memory_order_acquire) > sequence; }

  void on_durable(Sequence durable) override {
    if (are_applied(durable)) return;
    const MutexLock lock(mutex_);
    while (!pending_.empty() && pending_.begin()->first <= durable) {
      const auto [sequence, edit] = *pending_.begin();
      tables_.edit_key(edit.key, edit.terms);
      const auto of_key = by_key_.find(edit.key);
      if (of_key->second.last == sequence)
        by_key_.erase(of_key);
      else
        of_key->second.first = sequence + 1;
      pending_.erase(pending_.begin());
    }
    publish_first();
  }

 private:
  struct Edit {
    Slot key;
    KeyTerms terms;
  };
  // All pending edits of one key.
  struct Pending {
    Sequence first;
    Sequence last;
    KeyTerms latest;
  };
  static constexpr Sequence none = std::numeric_limits<Sequence>::max();

  void publish_first() REVOKED_REQUIRES(mutex_) {
    first_.store(pending_.empty() ? none : pending_.begin()->first, std::memory_order_release);
  }
  [[gnu::noinline]] Sequence before_pending(Slot secret, Sequence applied) const {
    const MutexLock lock(mutex_);
    const auto found = by_key_.find(tables_.newest_of(secret));
    return found == by_key_.end() ? applied : std::min(applied, found->second.first - 1);
  }

  Tables& tables_;
  mutable Mutex<2> mutex_;
  std::map<Sequence, Edit> pending_ REVOKED_GUARDED_BY(mutex_);  // bounded by what may wait for the disk
  std::unordered_map<Slot, Pending> by_key_ REVOKED_GUARDED_BY(mutex_);
  std::atomic<Sequence> first_{none};
};

}  // namespace revoked::engine
