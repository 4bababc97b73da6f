// Keys with several owners. See tables.hpp and joint_marks.hpp.

#include <algorithm>
#include <optional>

#include "engine/tables/tables.hpp"

namespace revoked::engine {
namespace {

Slot of_scope(const OwnerSlots& together, Scope scope) { return together[static_cast<std::size_t>(scope)]; }

bool has_user(const OwnerSlots& together) { return of_scope(together, Scope::user) != no_slot; }

Slot counting_owner(const OwnerSlots& together, bool of_user) {
  return of_scope(together, of_user ? Scope::user : Scope::application);
}

}  // namespace

std::optional<OwnerSlots> Tables::find_joint(const OwnerIds& ids) const {
  OwnerSlots slots{no_slot, no_slot, no_slot};
  for (const Scope scope : all_scopes) {
    const auto at = static_cast<std::size_t>(scope);
    if (ids[at].empty()) continue;
    slots[at] = of(scope).find(ids[at]);
    if (slots[at] == no_slot) return {};
  }
  return slots;
}

// Calls visit(owners, through) for every joint mark that applies to a key of these owners.
template <class Visit>
void Tables::for_each_marked(const OwnerSlots& key, Visit&& visit) const {
  for (const bool of_user : {true, false}) {
    const Slot owner = counting_owner(key, of_user);
    if (owner == no_slot || !counting(of_user).may_have_joint_marks(owner)) continue;
    for_each_joint(key, of_user, [&](const OwnerSlots& together) {
      if (const auto through = joints.revoked_through(together); through != 0) visit(together, through);
    });
  }
}

// The latest mark that applies to the key. Not called for keys whose owners have none.
Sequence Tables::revoked_by_owner(const KeyRecord& key) const {
  auto latest = key.revoked();
  const auto look_at = [&](Sequence through) {
    if (through >= key.created) latest = std::max(latest, through);
  };
  for (const Scope scope : all_scopes) {
    if (const Slot owner = of_scope(key.owners, scope); owner != no_slot)
      look_at(of(scope).revoked_through(owner));
  }
  for_each_marked(key.owners, [&](const OwnerSlots&, Sequence through) { look_at(through); });
  return latest;
}

void Tables::for_each_mark(const KeyRecord& key,
                           const std::function<void(const std::array<bool, 3>& is_of)>& visit) const {
  for (const Scope scope : all_scopes) {
    const Slot owner = of_scope(key.owners, scope);
    if (owner == no_slot || of(scope).revoked_through(owner) < key.created) continue;
    std::array<bool, 3> is_of{};
    is_of[static_cast<std::size_t>(scope)] = true;
    visit(is_of);
  }
  for_each_marked(key.owners, [&](const OwnerSlots& together, Sequence through) {
    if (through < key.created) return;
    visit({together[0] != no_slot, together[1] != no_slot, together[2] != no_slot});
  });
}

// The sequence up to which all keys with these owners are revoked, by any mark.
Sequence Tables::through_any_of(const OwnerSlots& together) const {
  Sequence through = 0;
  for (const Scope scope : all_scopes) {
    if (const Slot owner = of_scope(together, scope); owner != no_slot)
      through = std::max(through, of(scope).revoked_through(owner));
  }
  for_each_marked(together, [&](const OwnerSlots&, Sequence marked) { through = std::max(through, marked); });
  return through;
}

// Which of the key's owners still count it although it is revoked together with another.
std::array<bool, 3> Tables::revoked_with_others(const OwnerSlots& together, Sequence created) const {
  std::array<bool, 3> revoked{};
  for_each_marked(together, [&](const OwnerSlots& some, Sequence through) {
    if (through < created) return;
    for (std::size_t i = 0; i < revoked.size(); ++i) revoked[i] = revoked[i] || some[i] != no_slot;
  });
  for (const Scope scope : all_scopes) {
    auto& each = revoked[static_cast<std::size_t>(scope)];
    each = each && created > of(scope).revoked_through(of_scope(together, scope));
  }
  return revoked;
}

// Records a new key's owners, before it counts. With the first key that has other co-owners than an owner's
// keys before it, the owner's combinations get their own counts, starting with those keys.
void Tables::note_co_owners(const OwnerSlots& together) {
  const Slot application = of_scope(together, Scope::application);
  const Slot workspace = of_scope(together, Scope::workspace);
  for (const bool of_user : {true, false}) {
    const Slot owner = counting_owner(together, of_user);
    if (owner == no_slot) continue;
    auto& table = counting(of_user);
    const auto before = table.co_owners(owner);
    const bool had_counts = has_joint_counts(of_user, owner);
    table.add_co_owners(owner, of_user ? application : no_slot, workspace);
    if (had_counts || table.co_owners(owner).are_same()) continue;
    begin_joint_counts(of_user,
                       {of_user ? owner : no_slot, of_user ? before.application : owner, before.workspace});
  }
}

void Tables::begin_joint_counts(bool of_user, const OwnerSlots& of_keys) {
  const auto live = counting(of_user).live_keys(counting_owner(of_keys, of_user));
  for_each_joint(of_keys, of_user, [&](const OwnerSlots& together) {
    joints.set_count(joints.find_or_add(together),
                     {static_cast<std::uint32_t>(live), through_any_of(together)});
  });
}

template <class Visit>
void Tables::for_each_joint_count(const OwnerSlots& key, Visit&& visit) {
  for (const bool of_user : {true, false}) {
    const Slot owner = counting_owner(key, of_user);
    if (owner == no_slot || !has_joint_counts(of_user, owner)) continue;
    for_each_joint(key, of_user, [&](const OwnerSlots& together) {
      const Slot slot = joints.find_or_add(together);
      auto count = joints.count(slot);
      if (const auto through = through_any_of(together); through > count.since) count = {0, through};
      visit(count);
      joints.set_count(slot, count);
    });
  }
}

void Tables::count(const OwnerSlots& together, Sequence created) {
  for (const Scope scope : all_scopes) {
    const Slot owner = of_scope(together, scope);
    if (owner != no_slot && created > of(scope).revoked_through(owner)) of(scope).key_created(owner);
  }
  for_each_joint_count(together, [&](JointMarks::Count& count) { count.live += created > count.since; });
  const auto revoked = revoked_with_others(together, created);
  for (const Scope scope : all_scopes) {
    if (revoked[static_cast<std::size_t>(scope)]) of(scope).add_jointly_revoked(of_scope(together, scope), 1);
  }
}

void Tables::uncount_joint(const OwnerSlots& together, Sequence created) {
  for_each_joint_count(together, [&](JointMarks::Count& count) {
    if (created > count.since && count.live != 0) --count.live;
  });
}

Tables::JointKeys Tables::count_joint(const OwnerSlots& together) {
  const bool of_user = has_user(together);
  const Slot owner = counting_owner(together, of_user);
  if (owner == no_slot) return {};
  if (!has_joint_counts(of_user, owner)) {
    const auto& same = counting(of_user).co_owners(owner);
    const auto matches = [&](Scope scope, Slot at) {
      const Slot asked = of_scope(together, scope);
      return asked == no_slot || asked == at;
    };
    if (!matches(Scope::workspace, same.workspace) ||
        (of_user && !matches(Scope::application, same.application)))
      return {};
    return {counting(of_user).live_keys(owner), counting(of_user).remaining_keys(owner)};
  }
  const Slot slot = joints.find(together);
  if (slot == no_slot) return {};
  const auto count = joints.count(slot);
  const auto live = through_any_of(together) > count.since ? 0 : count.live;
  return {live, live};
}

std::uint64_t Tables::revoke_joint(const OwnerSlots& together, Sequence through) {
  const bool of_user = has_user(together);
  const Slot first = counting_owner(together, of_user);
  const auto reported = count_joint(together).reported;
  if (!has_joint_counts(of_user, first)) {
    const auto& same = counting(of_user).co_owners(first);
    if (same.workspace != OwnerTable::no_key_yet)
      begin_joint_counts(of_user,
                         {of_user ? first : no_slot, of_user ? same.application : first, same.workspace});
  }
  raise_joint_mark(together, through);
  for (const Scope scope : all_scopes) {
    if (const Slot owner = of_scope(together, scope); owner != no_slot)
      of(scope).add_jointly_revoked(owner, reported);
  }
  return reported;
}

OwnerSlots Tables::find_or_add_owners(const OwnerIds& ids) {
  OwnerSlots slots{no_slot, no_slot, no_slot};
  for (const Scope scope : all_scopes) {
    const auto at = static_cast<std::size_t>(scope);
    if (!ids[at].empty()) slots[at] = of(scope).find_or_add(ids[at]);
  }
  return slots;
}

namespace {

// The scope of the only owner; empty if there are several.
std::optional<Scope> only_scope(const OwnerSlots& together) {
  std::optional<Scope> only;
  for (const Scope scope : all_scopes) {
    if (of_scope(together, scope) == no_slot) continue;
    if (only) return {};
    only = scope;
  }
  return only;
}

}  // namespace

std::uint64_t Tables::revoke_owners(const OwnerIds& ids, Sequence through) {
  const auto slots = find_or_add_owners(ids);
  if (const auto scope = only_scope(slots)) {
    const Slot owner = of_scope(slots, *scope);
    return of(*scope).revoked_through(owner) < through ? of(*scope).revoke(owner, through) : 0;
  }
  return joints.revoked_through(slots) < through ? revoke_joint(slots, through) : 0;
}

void Tables::raise_mark(const OwnerIds& ids, Sequence through) {
  const auto slots = find_or_add_owners(ids);
  if (const auto scope = only_scope(slots))
    of(*scope).raise_mark(of_scope(slots, *scope), through);
  else
    raise_joint_mark(slots, through);
}

// The mark first: a reader that sees the owner's bit must find the mark.
void Tables::raise_joint_mark(const OwnerSlots& together, Sequence through) {
  joints.raise_mark(joints.find_or_add(together), through);
  const bool of_user = has_user(together);
  counting(of_user).set_has_joint_marks(counting_owner(together, of_user));
}

}  // namespace revoked::engine
