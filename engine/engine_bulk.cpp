// Many revocations together. See engine.hpp.

#include <algorithm>

#include "engine/engine.hpp"

namespace revoked::engine {

using Outcome = RevokedMany::Outcome;

result<RevokedMany> Engine::revoke_many(std::span<const AskedRevocation> asked, bool dry_run,
                                        const Caller& caller) {
  if (!started()) return errc::not_ready;
  thread_local std::vector<Slot> slots;
  slots.clear();
  const ReadSection section;
  find_within(asked, caller, slots);
  std::vector<const RecalledKey*> forgotten_keys(asked.size());
  bool is_known = true;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (slots[i] != no_slot || asked[i].reason.size() > max_reason_size) continue;
    const auto key = asked[i].key_id.empty() ? forgotten(Forgotten::secret, head_of(asked[i].digest), caller)
                                             : forgotten(Forgotten::id, asked[i].key_id, caller);
    if (key) forgotten_keys[i] = *key;
    is_known = is_known && key;
  }
  if (!is_known) return errc::not_recalled;
  const auto at = now_unix_ms();
  const auto named = [&](std::size_t i) { return asked[i].key_id.empty() ? Named::by_secret : Named::by_id; };
  thread_local std::string events;
  thread_local std::vector<std::size_t> ends;
  events.clear();
  ends.clear();
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (slots[i] != no_slot && !dry_run)
      encode_revocation(slots[i], named(i), at, asked[i].reason, caller, events);
    ends.push_back(events.size());
  }
  Journal::Turn turn(*journal_);
  if (const auto open = turn.open(); !open) return open.error();
  const auto encoded = [&](std::size_t i) {
    const auto begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view(events).substr(begin, ends[i] - begin);
  };
  // Check all before changing any.
  if (std::ranges::any_of(slots,
                          [&](Slot slot) { return slot != no_slot && tables_.newest_of(slot) == no_slot; }))
    return errc::not_recalled;
  RevokedMany many{0, std::vector<Outcome>(asked.size(), Outcome::not_found)};
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (asked[i].reason.size() > max_reason_size) many.outcomes[i] = Outcome::invalid;
    if (slots[i] == no_slot && forgotten_keys[i] != nullptr) {
      const bool was_revoked = forgotten_keys[i]->revoked_by != 0;
      many.outcomes[i] = was_revoked ? Outcome::already_revoked : Outcome::revoked;
      if (!was_revoked && !dry_run)
        many.last = append_late_revocation(turn, *forgotten_keys[i], named(i), at, asked[i].reason, caller);
    }
    if (slots[i] == no_slot) continue;
    const Slot slot = tables_.newest_of(slots[i]);
    // The earlier revocation may not be synced yet: it must be before the answer.
    const auto by = tables_.revoked_by(tables_.keys[slot]);
    many.outcomes[i] = by != 0 ? Outcome::already_revoked : Outcome::revoked;
    if (by != 0)
      many.last = std::max(many.last, by);
    else if (!dry_run)
      many.last = append_revocation(turn, slot, encoded(i));
  }
  return many;
}

// In steps for all keys, so that their cache misses overlap. Also no_slot for a key out of the caller's
// reach.
void Engine::find_within(std::span<const AskedRevocation> asked, const Caller& caller,
                         std::vector<Slot>& slots) const {
  thread_local std::vector<IdProbe> ids;
  ids.clear();
  for (const auto& each : asked) {
    if (!each.key_id.empty()) tables_.keys.prefetch_bucket(ids.emplace_back(each.key_id));
  }
  for (const auto& id : ids) tables_.keys.prefetch_record(id);
  auto id = ids.begin();
  for (const auto& each : asked) {
    const Slot found =
        each.key_id.empty() ? tables_.keys.find_by_digest(each.digest) : tables_.keys.find_by_id(*id++);
    const bool valid = each.reason.size() <= max_reason_size;
    slots.push_back(valid && found != no_slot && is_within(found, caller) ? found : no_slot);
    if (slots.back() != no_slot) tables_.prefetch_owners(slots.back());
  }
}

bool Engine::is_within(Slot key, const Caller& caller) const {
  if (caller.reach == nullptr || caller.reach->is_unlimited()) return true;
  thread_local Decision names;
  tables_.describe(key, names);
  return caller.reach->covers(names.owners);
}

result<std::uint64_t> Engine::count_revocable(Scope scope, std::string_view id, const Caller& caller) {
  if (!started()) return errc::not_ready;
  if (!is_owner_id(id)) return errc::invalid_owner_id;
  const auto within = within_reach(caller.reach, scope, id);
  if (!within) return within.error();
  const Journal::Turn turn(*journal_);  // guards the counters
  const Slot owner = tables_.of(scope).find(id);
  if (owner == no_slot || within->empty()) return std::uint64_t{0};
  if (!is_limited_elsewhere(caller.reach, scope)) return tables_.of(scope).remaining_keys(owner);
  std::uint64_t keys = 0;
  for (const auto& owners : *within) {
    if (const auto slots = tables_.find_joint(owners)) keys += tables_.count_joint(*slots).reported;
  }
  return keys;
}

}  // namespace revoked::engine
