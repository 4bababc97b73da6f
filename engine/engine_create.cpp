// The creation of keys. See engine.hpp.

#include "engine/engine.hpp"
#include "engine/model/permissions.hpp"
#include "engine/tables/projection.hpp"

namespace revoked::engine {
namespace {

result<void> check_ids(const NewKey& key) {
  if (!key.key_id.empty() && !is_key_id(key.key_id)) return errc::invalid_key_id;
  for (const auto owner : key.owners) {
    if (!owner.empty() && !is_owner_id(owner)) return errc::invalid_owner_id;
  }
  return {};
}

result<void> check(const NewKey& key, const Caller& caller) {
  if (const auto checked = check_ids(key); !checked) return checked;
  if (key.name.size() > max_name_size || key.metadata.size() > max_metadata_size ||
      key.permissions.size() > max_permissions_size || !is_permission_list(key.permissions) ||
      key.expires_at < 0 || key.created_at < 0 || key.reason.size() > max_reason_size) {
    return errc::invalid_field;
  }
  if (caller.principal == nullptr) return {};
  return may_create(*caller.principal, {key.permissions, key.owners, key.expires_at});
}

}  // namespace

result<CreatedKey> Engine::create(const NewKey& key, const Caller& caller) {
  if (!started()) return errc::not_ready;
  if (const auto checked = check(key, caller); !checked) return checked.error();

  const ReadSection section;
  CreatedKey created{std::string(key.key_id), now_unix_ms(), 0};
  if (created.key_id.empty()) created.key_id = new_key_id(created.at);
  NewKey named = key;
  named.key_id = created.key_id;
  Journal::Turn turn(*journal_);
  if (const auto open = turn.open(); !open) return open.error();
  const auto sequence = append_creation(turn, named, created.at, caller);
  if (!sequence) return sequence.error();
  created.sequence = *sequence;
  return created;
}

result<Sequence> Engine::append_creation(Journal::Turn& turn, const NewKey& key, UnixMs at,
                                         const Caller& caller) {
  // Checked again before it becomes permanent: a key with an invalid id could not be removed.
  if (const auto checked = check_ids(key); !checked) return checked.error();
  if (tables_.keys.find_by_id(key.key_id) != no_slot || tables_.keys.find_by_digest(key.digest) != no_slot)
    return errc::already_exists;
  if (const auto refused = refuse_forgotten(key, caller); !refused) return refused.error();
  std::string in_order;
  auto permissions = key.permissions;
  if (!is_normal(permissions)) permissions = in_order = normal_form(permissions);
  if (caller.reach != nullptr && !tables_.has_room_for(permissions, key.owners, *caller.reach))
    return errc::too_many_permission_sets;
  const auto expires_at = encode_i64(key.expires_at);
  EventView event;
  event.type = EventType::key_created;
  event.at = at;
  event[Field::key_id] = key.key_id;
  for (const Scope scope : all_scopes)
    event[owner_field(scope)] = key.owners[static_cast<std::size_t>(scope)];
  event[Field::digest] = octets_of(key.digest);
  event[Field::name] = key.name;
  if (key.expires_at != 0) event[Field::expires_at] = expires_at;
  const auto created_at = encode_i64(key.created_at);
  if (key.created_at != 0) event[Field::created_at] = created_at;
  event[Field::permissions] = permissions;
  event[Field::metadata] = key.metadata;
  set_caller(event, caller);
  const auto sequence = turn.append(event);
  apply_to(tables_, no_slot, sequence, event);
  return key.state == KeyState::active ? sequence : append_state(turn, key, event, caller);
}

// Suspends or revokes a new key in the turn of its creation, so that it is never visible in another state.
Sequence Engine::append_state(Journal::Turn& turn, const NewKey& key, const EventView& creation,
                              const Caller& caller) {
  const bool is_revoked = key.state == KeyState::revoked;
  auto event = key_event(is_revoked ? EventType::key_revoked : EventType::key_suspended, creation.at,
                         key.reason, caller);
  event[Field::key_id] = key.key_id;
  for (const Scope scope : all_scopes) event[owner_field(scope)] = creation[owner_field(scope)];
  const Width by = width_of(caller.reach);
  const auto width = encode_u16(by);
  if (!is_revoked) event[Field::width] = width;
  const auto sequence = turn.append(event);
  apply(tables_, sequence, event);
  return sequence;
}

result<CreatedMany> Engine::create_many(std::span<const NewKey> asked, const Caller& caller) {
  if (!started()) return errc::not_ready;
  const auto at = now_unix_ms();
  CreatedMany many;
  many.errors.resize(asked.size());
  many.issued_ids.resize(asked.size());
  const auto id_of = [&](std::size_t i) {
    return asked[i].key_id.empty() ? std::string_view(many.issued_ids[i]) : asked[i].key_id;
  };
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (const auto checked = check(asked[i], caller); !checked) many.errors[i] = checked.error();
    if (asked[i].key_id.empty()) many.issued_ids[i] = new_key_id(at);
    tables_.prefetch(id_of(i), asked[i].digest, asked[i].owners);
  }
  Journal::Turn turn(*journal_);
  if (const auto open = turn.open(); !open) return open.error();
  // Check all before creating any, as the whole request is repeated.
  bool is_known = true;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (!many.errors[i] && refuse_forgotten(asked[i], caller).error() == errc::not_recalled) is_known = false;
  }
  if (!is_known) return errc::not_recalled;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (many.errors[i]) continue;
    NewKey key = asked[i];
    key.key_id = id_of(i);
    const auto sequence = append_creation(turn, key, at, caller);
    if (sequence)
      many.last = *sequence;
    else
      many.errors[i] = sequence.error();
  }
  return many;
}

}  // namespace revoked::engine
