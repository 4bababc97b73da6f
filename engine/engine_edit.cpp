// Edits of a key's record. See engine.hpp.

#include <algorithm>

#include "engine/engine.hpp"
#include "engine/model/permissions.hpp"
#include "engine/tables/projection.hpp"

namespace revoked::engine {

namespace {

bool is_within_limits(const KeyEdit& edit) {
  return edit.name.value_or("").size() <= max_name_size &&
         edit.metadata.value_or("").size() <= max_metadata_size &&
         edit.permissions.value_or("").size() <= max_permissions_size &&
         is_permission_list(edit.permissions.value_or("")) && edit.expires_at.value_or(0) >= 0;
}

bool is_later(UnixMs end, UnixMs other) { return other != 0 && (end == 0 || end > other); }

// Both in normal form.
bool has_all(std::string_view list, std::string_view of) {
  bool all = true;
  for_each_permission(of, [&](std::string_view each) {
    while (!list.empty() && list.substr(0, list.find(' ')) < each)
      list.remove_prefix(std::min(list.find(' '), list.size() - 1) + 1);
    all = all && list.substr(0, list.find(' ')) == each;
  });
  return all;
}

// Sets the edit in the event, which views the arguments.
void set_edit(EventView& event, const KeyEdit& edit, std::string_view expires_at, std::string& members) {
  const auto set = [&](Field member, bool is_given, std::string_view value) {
    if (!is_given) return;
    members.push_back(static_cast<char>(member));
    event[member] = value;
  };
  const bool ends = edit.expires_at.value_or(0) != 0;
  set(Field::name, edit.name.has_value(), edit.name.value_or(""));
  set(Field::expires_at, edit.expires_at.has_value(), ends ? expires_at : std::string_view());
  set(Field::permissions, edit.permissions.has_value(), edit.permissions.value_or(""));
  set(Field::metadata, edit.metadata.has_value(), edit.metadata.value_or(""));
  event[Field::edited] = members;
}

}  // namespace

result<ChangedKey> Engine::edit(std::string_view key_id, const KeyEdit& asked, const Caller& caller) {
  if (!is_within_limits(asked)) return errc::invalid_field;
  KeyEdit edit = asked;
  std::string permissions;
  if (edit.permissions) edit.permissions = permissions = normal_form(*edit.permissions);
  const ReadSection section;
  Decision names;
  auto event = key_event(EventType::key_changed, now_unix_ms(), {}, caller);
  if (const auto found = find_changeable(key_id, caller, names, event); !found) return found.error();
  const auto expires_at = encode_i64(edit.expires_at.value_or(0));
  std::string members;
  set_edit(event, edit, expires_at, members);
  const Slot now = tables_.keys.find_by_id(key_id);
  if (now == no_slot) return errc::not_recalled;
  const auto seen = permission_sets_of(now);
  if (const auto may = may_give(edit, seen, caller); !may) return may.error();

  Journal::Turn turn(*journal_);
  if (const auto open = turn.open(); !open) return open.error();
  const Slot slot = tables_.keys.find_by_id(key_id);
  if (slot == no_slot) return errc::not_recalled;
  if (tables_.revoked_by(tables_.keys[slot]) != 0) return errc::already_revoked;
  if (const auto sets = permission_sets_of(slot); sets != seen) {
    if (const auto may = may_give(edit, sets, caller); !may) return may.error();
  }
  if (edit.permissions && caller.reach != nullptr &&
      !tables_.has_room_for(permissions, owners_of(event), *caller.reach))
    return errc::too_many_permission_sets;
  const auto before = edits_.latest(slot);
  const auto after = tables_.edited(slot, before, event);
  if (!edit.name && !edit.metadata && after == before) return ChangedKey{journal_->applied(), event.at};
  const ChangedKey changed{turn.append(event), event.at};
  const bool gives = is_later(after.expires_at, before.expires_at) ||
                     !has_all(tables_.permission_sets.get(before.permissions),
                              tables_.permission_sets.get(after.permissions));
  if (gives || edits_.is_pending(slot))
    edits_.add(changed.sequence, slot, after);
  else
    apply_to(tables_, slot, changed.sequence, event);
  return changed;
}

// A key's current set, and the one after pending edits.
std::array<Slot, 2> Engine::permission_sets_of(Slot key) const {
  return {tables_.terms_of(key).permissions, edits_.latest(key).permissions};
}

result<void> Engine::may_give(const KeyEdit& edit, const std::array<Slot, 2>& sets,
                              const Caller& caller) const {
  if (caller.principal == nullptr) return {};
  for (const Slot set : sets) {
    const auto may =
        may_edit(*caller.principal, tables_.permission_sets.get(set), edit.permissions, edit.expires_at);
    if (!may) return may;
  }
  return {};
}

// Edits since the key's creation, as far as they are not in the tables.
result<void> Engine::set_edits(KeyDescription& key) const {
  {
    const ReadSection section;
    const Slot slot = tables_.keys.find_by_id(key.decision.key_id);
    if (slot == no_slot || !tables_.keys[slot].is_edited()) return {};
  }
  return add_edits(key);
}

result<void> Engine::add_edits(KeyDescription& key) const {
  if (const auto known = store_->wait_for_index(); !known) return known;
  std::vector<Sequence> edits;
  const auto scanned = store_->scan_index(IndexKind::edit, key.decision.key_id, 0, [&](Sequence sequence) {
    edits.push_back(sequence);
    return true;
  });
  if (!scanned) return scanned;
  return read_events(*store_, edits, [&](Sequence, const EventView& edit) {
    if (is_edited(edit, Field::name)) key.name = edit[Field::name];
    if (is_edited(edit, Field::metadata)) key.metadata = edit[Field::metadata];
    if (is_edited(edit, Field::expires_at)) key.expires_at = decode_i64(edit[Field::expires_at], 0);
    if (!is_edited(edit, Field::permissions)) return;
    if (const Slot set = tables_.permission_sets.slot_of(edit[Field::permissions]); set != no_slot)
      key.decision.permissions = tables_.permission_sets.get(set);
  });
}

}  // namespace revoked::engine
