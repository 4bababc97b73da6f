#pragma once
// All tables that decisions are made from: keys, owners, permission sets. A projection of the journal.
// Changed only by the holder of the journal's turn (or while loading); look-ups from any thread.

#include <array>
#include <atomic>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/base/mutex.hpp"
#include "engine/model/decision.hpp"
#include "engine/model/event.hpp"
#include "engine/model/policy.hpp"
#include "engine/tables/forgotten_filter.hpp"
#include "engine/tables/joint_marks.hpp"
#include "engine/tables/key_table.hpp"
#include "engine/tables/owner_locks.hpp"
#include "engine/tables/owner_table.hpp"
#include "engine/tables/permission_sets.hpp"

namespace revoked::engine {

// Which of an owner's keys a caller can touch.
enum class Extent { nothing, part, whole };

// When a rotation was requested, and when the old secret ends.
struct Grace {
  UnixMs from = 0;
  UnixMs until = 0;
};

// A secret of a key.
struct KnownSecret {
  Sequence since;
  UnixMs ends_at;  // 0: never
};

// The decision data that an edit changes.
struct KeyTerms {
  Slot permissions = 0;
  UnixMs expires_at = 0;  // 0: never
  bool operator==(const KeyTerms&) const = default;
};

// The digest in an event.
Digest digest_of(const EventView& event);

struct Tables {
  KeyTable keys;
  std::array<OwnerTable, 3> owners;  // by Scope
  JointMarks joints;
  OwnerLocks locks;
  PermissionSets permission_sets;
  ForgottenFilter forgotten;

  OwnerTable& of(Scope scope) { return owners[static_cast<std::size_t>(scope)]; }
  const OwnerTable& of(Scope scope) const { return owners[static_cast<std::size_t>(scope)]; }

  // Prefetches what look-ups of these will read, without waiting.
  void prefetch(std::string_view key_id, const Digest& digest, const OwnerIds& owner_ids) const;
  // The same for the owners that a change of the key will read.
  void prefetch_owners(Slot key) const {
    for (const Scope scope : all_scopes) {
      const Slot owner = keys[key].owners[static_cast<std::size_t>(scope)];
      if (owner != no_slot) of(scope).prefetch(owner);
    }
  }
  // Applies the event `creation` (type key_created) to the tables.
  Slot add_key(Sequence sequence, const EventView& creation);
  // Whether a caller of `reach` may give a key of these owners this set of permissions (in normal form). Sets
  // are never freed, so a new one is charged to the owners of the first key that has it, and the owners of a
  // limited caller have this budget. Using an existing set costs nothing.
  static constexpr std::size_t max_set_bytes_an_owner = 256 << 10;
  bool has_room_for(std::string_view set, const std::array<std::string_view, 3>& owner_ids,
                    const Reach& reach);
  // False if the key was already revoked by its own event.
  bool revoke_key(Slot key, Sequence by);

  // Removal of permanently inactive keys (tables_forget.cpp). Appends the remains (forgotten_key.hpp) of the
  // key with this slot, which must be the one its id finds.
  void append_remains(Slot key, std::string& out) const;
  // Applies an event of type keys_forgotten. Keys that are no longer there are recorded as forgotten too.
  void forget_keys(Sequence sequence, const EventView& event);
  // The sequence of the last such event. From any thread.
  Sequence forgotten_through() const { return forgotten_through_.load(std::memory_order_acquire); }
  void restore_forgotten_through(Sequence sequence) {
    forgotten_through_.store(sequence, std::memory_order_release);
  }

  void suspend_key(Slot key, Width by);
  void resume_key(Slot key);
  // The key gets a new digest from `sequence` on. The previous secret ends with the grace, or at once without
  // one; older ones end at once. Returns the new slot.
  Slot rotate_key(Slot key, Sequence sequence, const Digest& digest, const Grace& grace);

  // All three take the slot that the key's id finds: the current terms; the terms after a key_changed event;
  // and applying them, also to the key's other live secrets, except that those never end later.
  KeyTerms terms_of(Slot key) const { return {keys[key].permissions(), keys[key].expires_at()}; }
  KeyTerms edited(Slot key, KeyTerms terms, const EventView& edit);
  void edit_key(Slot key, const KeyTerms& terms);

  // For checkpoints: (slot, slot of the previous secret) of rotated keys.
  std::vector<std::pair<Slot, Slot>> predecessors() const;
  void restore_predecessor(Slot slot, Slot before);
  // After keys and the owners' marks and locks have been restored: counts the keys of owners.
  void count_keys();

  // A combination of two or three owners. Empty if one of them is unknown.
  std::optional<OwnerSlots> find_joint(const OwnerIds& ids) const;
  // The rest only by the holder of the turn. How many keys have all of these two or three owners and are not
  // revoked: `at_most` is an upper bound, 0 only if there is none; `reported` excludes those known
  // to be revoked with another owner.
  struct JointKeys {
    std::uint64_t at_most = 0;
    std::uint64_t reported = 0;
  };
  JointKeys count_joint(const OwnerSlots& owners);
  // Marks only rise. Returns how many keys this revokes, as `reported`.
  std::uint64_t revoke_joint(const OwnerSlots& owners, Sequence through);
  void raise_joint_mark(const OwnerSlots& owners, Sequence through);
  // Applies the event that revoked the keys of these owners (see named_owners) and returns how many that
  // revokes; raise_mark only sets the mark, before keys are loaded.
  std::uint64_t revoke_owners(const OwnerIds& ids, Sequence through);
  void raise_mark(const OwnerIds& ids, Sequence through);

  // Locks. `named` is the owner that is locked, the others of `ids` narrow it (see named_owners). Locks, and
  // the names of owners first seen in them, are never freed. So for owners without a live key in common (bare
  // ones), a limited caller may set this many, counted for each of the other owners.
  static constexpr std::size_t max_bare_locks_an_owner = 10'000;
  bool has_room_for_lock(Scope named, const OwnerIds& ids);
  // The caller sets it then.
  Slot find_or_add_lock(Scope named, const OwnerIds& ids);
  // Owners for look-ups of locks: some may be unknown.
  OwnerSlots find_owners(const OwnerIds& ids) const;
  // Calls visit(lock) for every lock that unlocking these lifts: theirs, and those of the same owner within
  // more owners.
  template <class Visit>
  void for_each_lock_to_lift(Scope named, const OwnerSlots& owners, Visit&& visit) const;
  // Whether a lock of fewer of these owners is held, which other keys share.
  bool is_locked_beyond(Scope named, const OwnerSlots& owners, UnixMs now) const;
  // Apply the event `at` that locked or unlocked these. Skips locks that already include the event, because
  // which locks an unlocking lifts depends on how they were set.
  void lock_owners(Sequence at, Scope named, const OwnerIds& ids, UnixMs until, Width by);
  void unlock_owners(Sequence at, Scope named, const OwnerIds& ids);
  // From a checkpoint; `named` has one bit per Scope.
  void restore_lock(const OwnerSlots& owners, Sequence at, std::uint8_t named, UnixMs until, Width by);

  // `owner` is the slot of `id`, or no_slot.
  Extent extent_of(const Reach& reach, Scope scope, Slot owner, std::string_view id) const;

  // The slot that a key's id finds, from that of any of its secrets; no_slot if the key was removed. Only by
  // the holder of the turn: otherwise the key may be rotated concurrently.
  Slot newest_of(Slot key) const;

  // The rest from any thread, with the slot that the key's id finds. Whether the key existed at `sequence`:
  // its secret may have been rotated since.
  bool was_there(Slot key, Sequence sequence) const;
  // When the key was created; rotations do not change it.
  Sequence first_created(Slot key) const;
  // Visits the slots of its secrets, newest first, until `visit` returns false.
  template <class Visit>
  void for_each_secret(Slot key, Visit&& visit) const;
  // Whether this is a later secret of a key.
  bool has_predecessor(Slot key) const;
  // Newest first: those that existed at `sequence` and have not ended at `now`. Empty if the key is revoked.
  std::vector<KnownSecret> living_secrets(Slot key, Sequence sequence, UnixMs now) const;

  // Visits the owners, single or combined, whose revocation includes the key: which of its owners they are,
  // by Scope.
  void for_each_mark(const KeyRecord& key,
                     const std::function<void(const std::array<bool, 3>& is_of)>& visit) const;

  // The latest sequence that revokes the key, by itself or through an owner; 0 if not revoked.
  Sequence revoked_by(const KeyRecord& key) const;
  // Except for visibility: the caller checks whether the key's creation is durable. `lock` is set if the key
  // is locked.
  KeyState state_of(const KeyRecord& key, UnixMs now, StandingLock& lock) const;
  KeyState state_of(const KeyRecord& key, UnixMs now) const {
    StandingLock lock;
    return state_of(key, now, lock);
  }
  void describe(Slot key, Decision& decision) const;

 private:
  template <class Change>
  void change_with_predecessors(Slot key, Change&& change);
  void uncount(const KeyRecord& key);
  void forget_key(Slot key);
  void charge(const std::array<Slot, 3>& owner_slots, std::string_view set);
  Slot keep_set(const std::array<Slot, 3>& owner_slots, std::string_view set);

  // Combinations of two or three owners are counted with their user, or else their application (`of_user`).
  // While all keys of that owner have the same co-owners, its own count is used. Once they do not, or from
  // its first joint mark, combinations have their own counts.
  OwnerTable& counting(bool of_user) { return of(of_user ? Scope::user : Scope::application); }
  const OwnerTable& counting(bool of_user) const { return of(of_user ? Scope::user : Scope::application); }
  bool has_joint_counts(bool of_user, Slot owner) {
    return !counting(of_user).co_owners(owner).are_same() || counting(of_user).may_have_joint_marks(owner);
  }
  OwnerSlots find_or_add_owners(const OwnerIds& ids);
  void begin_joint_counts(bool of_user, const OwnerSlots& of_keys);
  void note_co_owners(const OwnerSlots& owners);
  void count(const OwnerSlots& owners, Sequence created);
  void uncount_joint(const OwnerSlots& owners, Sequence created);
  template <class Visit>
  void for_each_marked(const OwnerSlots& key, Visit&& visit) const;
  template <class Visit>
  void for_each_joint_count(const OwnerSlots& key, Visit&& visit);
  Sequence through_any_of(const OwnerSlots& owners) const;
  std::array<bool, 3> revoked_with_others(const OwnerSlots& owners, Sequence created) const;
  bool is_any_owner_marked(const KeyRecord& key) const;
  [[gnu::noinline]] Sequence revoked_by_owner(const KeyRecord& key) const;
  [[gnu::noinline]] StandingLock standing_lock(const OwnerSlots& owners, UnixMs now) const;
  bool is_bare(const OwnerSlots& owners);
  void charge_lock(std::uint8_t named, const OwnerSlots& owners);
  void set_has_locks(const OwnerSlots& owners);

  // The slot of the previous secret of a rotated key. Needs a mutex since resumptions are applied on the
  // journal's thread; it is not taken until the first rotation.
  mutable Mutex<3> predecessors_mutex_;
  std::atomic<bool> has_predecessors_{false};
  std::unordered_map<Slot, Slot> predecessors_ REVOKED_GUARDED_BY(predecessors_mutex_);
  std::atomic<Sequence> forgotten_through_{0};
  // By Scope: the cost of the sets that its keys were the first to have. For the holder of the turn.
  std::array<std::unordered_map<Slot, std::size_t>, 3> set_bytes_;
  // By Scope: how many locks of bare owners are counted for it. For the holder of the turn.
  std::array<std::unordered_map<Slot, std::size_t>, 3> bare_locks_;
};

template <class Visit>
void Tables::for_each_secret(Slot key, Visit&& visit) const {
  if (!visit(key) || !has_predecessors_.load(std::memory_order_acquire)) return;
  const MutexLock lock(predecessors_mutex_);
  for (auto before = predecessors_.find(key); before != predecessors_.end();) {
    if (!visit(before->second)) return;
    before = predecessors_.find(before->second);
  }
}

template <class Visit>
void Tables::for_each_lock_to_lift(Scope named, const OwnerSlots& together, Visit&& visit) const {
  const Slot own = locks.find(together);
  if (own != no_slot) visit(own);
  locks.for_each_of(named, together, [&](Slot lock) {
    if (lock != own) visit(lock);
  });
}

}  // namespace revoked::engine
