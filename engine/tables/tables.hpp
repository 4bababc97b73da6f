#pragma once
// The tables that decisions are made from, together: keys, owners, permission sets. A projection of the
// journal. Changes only by whoever holds the journal's turn (or while loading); look-ups from any thread.

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

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

// How much of an owner's keys a caller can touch.
enum class Extent { nothing, part, whole };

// When a rotation was asked for, and until when the secret before it lives.
struct Grace {
  UnixMs from = 0;
  UnixMs until = 0;
};

// A secret that a key has.
struct KnownSecret {
  Sequence since;
  UnixMs ends_at;  // 0: never
};

// What a key may do and until when: what an edit changes of what decisions are made from.
struct KeyTerms {
  Slot permissions = 0;
  UnixMs expires_at = 0;  // 0: never
  bool operator==(const KeyTerms&) const = default;
};

// The digest that an event carries.
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

  // Fetches what look-ups of these will read, and returns before it is there.
  void prefetch(std::string_view key_id, const Digest& digest, const OwnerIds& owner_ids) const;
  // The same for what a change of the key will read of its owners.
  void prefetch_owners(Slot key) const {
    for (const Scope scope : all_scopes) {
      const Slot owner = keys[key].owners[static_cast<std::size_t>(scope)];
      if (owner != no_slot) of(scope).prefetch(owner);
    }
  }
  // Applies the event `created` (type key_created) to the tables.
  Slot add_key(Sequence sequence, const EventView& creation);
  // Whether a caller of `reach` may give a key of these owners this set of permissions (in its normal form).
  // A set stays in memory for good, so what is new counts against the owners of the first key that has it,
  // and a limited caller's owners have room for so much only. Others make use of it for nothing.
  static constexpr std::size_t max_set_bytes_an_owner = 256 << 10;
  bool has_room_for(std::string_view set, const std::array<std::string_view, 3>& owner_ids,
                    const Reach& reach);
  // False if the key was revoked by an event of its own already.
  bool revoke_key(Slot key, Sequence by);

  // Keys that are dead for good leave (tables_forget.cpp). Appends what is left to say of one
  // (forgotten_key.hpp), which its id leads to.
  void append_remains(Slot key, std::string& out) const;
  // Applies an event of the type keys_forgotten. Those that are not there any more count as forgotten all the
  // same.
  void forget_keys(Sequence sequence, const EventView& event);
  // The last such event. From any thread.
  Sequence forgotten_through() const { return forgotten_through_.load(std::memory_order_acquire); }
  void restore_forgotten_through(Sequence sequence) {
    forgotten_through_.store(sequence, std::memory_order_release);
  }

  void suspend_key(Slot key, Width by);
  void resume_key(Slot key);
  // The key gets a new digest, from `sequence` on; the one before ends with the grace, or at once where there
  // is none; older ones end at once. Answers the new slot.
  Slot rotate_key(Slot key, Sequence sequence, const Digest& digest, const Grace& grace);

  // These three are of the slot that a key's id leads to. What it has; what it will have by an event of the
  // type key_changed; and the change, which its other living secrets follow, but for later ends.
  KeyTerms terms_of(Slot key) const { return {keys[key].permissions(), keys[key].expires_at()}; }
  KeyTerms edited(Slot key, KeyTerms terms, const EventView& edit);
  void edit_key(Slot key, const KeyTerms& terms);

  // For checkpoints: (slot, the slot of the secret before it) of keys that were rotated.
  std::vector<std::pair<Slot, Slot>> predecessors() const;
  void restore_predecessor(Slot slot, Slot before);
  // After the keys, and the owners' marks and locks, have been put back: counts what owners have.
  void count_keys();

  // Two or three owners together. Nothing if one of them is not there.
  std::optional<OwnerSlots> find_joint(const OwnerIds& ids) const;
  // The rest by whoever holds the turn. How many keys have all of these owners, two or three, and are not
  // revoked: `at_most`, which is 0 only if there is none, and as told to people, which leaves out those that
  // are known to be revoked with yet another owner.
  struct JointKeys {
    std::uint64_t at_most = 0;
    std::uint64_t told = 0;
  };
  JointKeys count_joint(const OwnerSlots& owners);
  // Marks only rise. Answers how many keys this revokes, as told.
  std::uint64_t revoke_joint(const OwnerSlots& owners, Sequence through);
  void raise_joint_mark(const OwnerSlots& owners, Sequence through);
  // Applies the event that revoked the keys of these (see named_owners); answers how many that revokes. Or,
  // before there are keys, only its mark.
  std::uint64_t revoke_owners(const OwnerIds& ids, Sequence through);
  void raise_mark(const OwnerIds& ids, Sequence through);

  // Locks. `named` is the owner that is locked, the others of `ids` are those within which (see
  // named_owners). A lock stays in memory for good, and the names of owners that were not known. So of owners
  // of whom nobody has a living key (bare ones), a caller who is limited to others has room for so many,
  // counted with each of those others.
  static constexpr std::size_t max_bare_locks_an_owner = 10'000;
  bool has_room_for_lock(Scope named, const OwnerIds& ids);
  // To be set then.
  Slot find_or_add_lock(Scope named, const OwnerIds& ids);
  // Of owners for look-ups of locks: there may be some that nobody has named yet.
  OwnerSlots find_owners(const OwnerIds& ids) const;
  // Calls visit(lock) for every lock that an unlocking of these lifts: theirs, and those of the same owner
  // within more.
  template <class Visit>
  void for_each_lock_to_lift(Scope named, const OwnerSlots& owners, Visit&& visit) const;
  // Whether a lock of some of these alone is held, and so of others' keys as well.
  bool is_locked_beyond(Scope named, const OwnerSlots& owners, UnixMs now) const;
  // Apply the event `at` that locked, or unlocked, these. Which locks an unlocking lifts
  // depends on how they were made, so what a lock knows of already is left out.
  void lock_owners(Sequence at, Scope named, const OwnerIds& ids, UnixMs until, Width by);
  void unlock_owners(Sequence at, Scope named, const OwnerIds& ids);
  // Of a checkpoint; `named` has a bit for each Scope.
  void restore_lock(const OwnerSlots& owners, Sequence at, std::uint8_t named, UnixMs until, Width by);

  // `owner` is the slot of `id`, or no_slot.
  Extent extent_of(const Reach& reach, Scope scope, Slot owner, std::string_view id) const;

  // The slot that a key's id leads to, from that of any of its secrets; no_slot if it has left the tables. In
  // a turn: outside, the key may be rotated behind one's back.
  Slot newest_of(Slot key) const;

  // The rest of these from any thread, and from the slot that the key's id leads to. Whether the key was
  // there at `sequence`: its secret may have been rotated since.
  bool was_there(Slot key, Sequence sequence) const;
  // When the key was created, whenever its secret was rotated.
  Sequence first_created(Slot key) const;
  // Whether this is a later secret of a key.
  bool has_predecessor(Slot key) const;
  // Newest first: those that it had at `sequence` and that have not ended at `now`. None if it is revoked.
  std::vector<KnownSecret> living_secrets(Slot key, Sequence sequence, UnixMs now) const;

  // Visits the owners, one or several together, whose keys were revoked when the key was there: which of its
  // owners they are, by Scope.
  void for_each_mark(const KeyRecord& key,
                     const std::function<void(const std::array<bool, 3>& is_of)>& visit) const;

  // The latest sequence by which the key is revoked, through itself or an owner; 0 if it is not.
  Sequence revoked_by(const KeyRecord& key) const;
  // For everything but visibility: whether the key's creation is durable is the caller's to check. `lock` is
  // set if the key is locked.
  KeyState state_of(const KeyRecord& key, UnixMs now, StandingLock& lock) const;
  KeyState state_of(const KeyRecord& key, UnixMs now) const {
    StandingLock lock;
    return state_of(key, now, lock);
  }
  void describe(Slot key, Decision& decision) const;

 private:
  template <class Change>
  void change_with_predecessors(Slot key, Change&& change);
  template <class Visit>
  void for_each_secret(Slot key, Visit&& visit) const;
  void uncount(const KeyRecord& key);
  void forget_key(Slot key);
  void charge(const std::array<Slot, 3>& owner_slots, std::string_view set);
  Slot keep_set(const std::array<Slot, 3>& owner_slots, std::string_view set);

  // Two or three owners together are counted by the first of them: their user, or else their application
  // (`of_user`). While its keys are all at home in one place, its own count is theirs. From when they are
  // not, or from its first joint mark, they have counts of their own.
  OwnerTable& counting(bool of_user) { return of(of_user ? Scope::user : Scope::application); }
  const OwnerTable& counting(bool of_user) const { return of(of_user ? Scope::user : Scope::application); }
  bool has_joint_counts(bool of_user, Slot owner) {
    return !counting(of_user).home(owner).is_one() || counting(of_user).may_have_joint_marks(owner);
  }
  OwnerSlots find_or_add_owners(const OwnerIds& ids);
  void begin_joint_counts(bool of_user, const OwnerSlots& at_home);
  void settle(const OwnerSlots& owners);
  void count(const OwnerSlots& owners, Sequence created);
  void uncount_joint(const OwnerSlots& owners, Sequence created);
  template <class Visit>
  void for_each_marked(const OwnerSlots& key, Visit&& visit) const;
  template <class Visit>
  void for_each_joint_count(const OwnerSlots& key, Visit&& visit);
  Sequence through_any_of(const OwnerSlots& owners) const;
  std::array<bool, 3> gone_with_others(const OwnerSlots& owners, Sequence created) const;
  bool is_any_owner_marked(const KeyRecord& key) const;
  [[gnu::noinline]] Sequence revoked_by_owner(const KeyRecord& key) const;
  [[gnu::noinline]] StandingLock standing_lock(const OwnerSlots& owners, UnixMs now) const;
  bool is_bare(const OwnerSlots& owners);
  void charge_lock(std::uint8_t named, const OwnerSlots& owners);
  void set_has_locks(const OwnerSlots& owners);

  // The slot of the secret that a rotated key had before. Resumptions come from the journal's thread: hence a
  // lock, which nobody takes while no key was ever rotated.
  mutable std::mutex predecessors_mutex_;
  std::atomic<bool> has_predecessors_{false};
  std::unordered_map<Slot, Slot> predecessors_;
  std::atomic<Sequence> forgotten_through_{0};
  // By Scope: what the sets that its keys were the first to have cost. Of the turn's holder.
  std::array<std::unordered_map<Slot, std::size_t>, 3> set_bytes_;
  // By Scope: how many locks of bare owners count with it. Of the turn's holder.
  std::array<std::unordered_map<Slot, std::size_t>, 3> bare_locks_;
};

// Visits the slots of a key's secrets, newest first, until `visit` answers false.
template <class Visit>
void Tables::for_each_secret(Slot key, Visit&& visit) const {
  if (!visit(key) || !has_predecessors_.load(std::memory_order_acquire)) return;
  const std::scoped_lock lock(predecessors_mutex_);
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
