// Removal of keys from the tables, and data of removed keys. See engine.hpp.

#include <algorithm>

#include "engine/engine.hpp"
#include "engine/model/forgotten_key.hpp"
#include "engine/tables/projection.hpp"

namespace revoked::engine {
namespace {

// Per event and turn: other changes run in between.
constexpr std::size_t keys_together = 128;
constexpr std::size_t bytes_together = 40'000;  // plus one key: max_field_size
static_assert(bytes_together + max_forgotten_secrets * digest_head_bytes + 256 <= max_field_size);

}  // namespace

// Which keys have been inactive for long enough. On one thread; its results are valid for one scan of all
// keys.
class Engine::InactiveKeys {
 public:
  // Revoked at or before the event `through`, or expired at or before `at`.
  InactiveKeys(const Engine& engine, Sequence through, UnixMs at)
      : engine_(engine), tables_(engine.tables_), through_(through), at_(at) {}

  bool include(const KeyRecord& key) {
    if (key.is_removed() || key.is_superseded() || key.created > through_) return false;
    if (const auto own = key.revoked(); own != 0 && own <= through_) return true;
    const auto expires_at = key.expires_at();
    return (expires_at != 0 && expires_at <= at_) || (tables_.revoked_by(key) != 0 && is_marked(key));
  }

 private:
  bool is_marked(const KeyRecord& key) {
    bool is_marked = false;
    tables_.for_each_mark(key, [&](const std::array<bool, 3>& is_of) {
      OwnerSlots owners = key.owners;
      for (std::size_t i = 0; i < owners.size(); ++i) {
        if (!is_of[i]) owners[i] = no_slot;
      }
      is_marked = is_marked || mark_of(owners) >= key.created;
    });
    return is_marked;
  }

  // The tables have only the latest mark, and an owner may be revoked repeatedly.
  Sequence mark_of(const OwnerSlots& owners) {
    const auto [known, is_new] = marks_.try_emplace(owners, 0);
    if (!is_new) return known->second;
    std::array<std::string, 3> texts;
    OwnerIds ids;
    for (const Scope scope : all_scopes) {
      const auto i = static_cast<std::size_t>(scope);
      if (owners[i] != no_slot) tables_.of(scope).append_id(owners[i], texts[i]);
      ids[i] = texts[i];
    }
    (void)engine_.store_->scan_index(IndexKind::owners, index_id(ids), 0, [&](Sequence mark) {
      if (mark <= through_) known->second = mark;
      return mark <= through_;
    });
    return known->second;
  }

  const Engine& engine_;
  const Tables& tables_;
  const Sequence through_;
  const UnixMs at_;
  std::map<OwnerSlots, Sequence> marks_;
};

void Engine::forget_if_due(const std::function<bool()>& go_on) {
  constexpr std::chrono::milliseconds soonest = std::chrono::seconds(1);
  constexpr std::chrono::milliseconds latest = std::chrono::hours(1);
  const auto after = options_.forget_after;
  const auto now = std::chrono::steady_clock::now();
  if (after.count() == 0 || now < next_search_at_) return;
  next_search_at_ = now + std::clamp(after / 64, soonest, latest);
  // Whatever the clock says, keys created since the last search stay: see Recalled.
  const auto newest = std::exchange(durable_at_search_, journal_->durable());
  const auto inactive_since = now_unix_ms() - after.count();
  const auto through = last_before(*store_, inactive_since);
  if (!through || newest == 0) return;
  InactiveKeys inactive_keys(*this, std::min(*through, newest), inactive_since);
  std::vector<std::pair<Slot, std::uint64_t>> inactive;  // with the state_word that was seen
  const auto size = tables_.keys.complete_size();
  for (Slot slot = 0; slot < size && go_on(); ++slot) {
    const KeyRecord& key = tables_.keys[slot];
    if (const auto state_word = key.packed_state_word(); inactive_keys.include(key))
      inactive.emplace_back(slot, state_word);
    if (inactive.size() == keys_together && !forget(inactive)) return;
  }
  if (!inactive.empty()) (void)forget(inactive);
}

// Removes the keys of the list, and empties it. False: the journal accepts nothing more.
bool Engine::forget(std::vector<std::pair<Slot, std::uint64_t>>& inactive) {
  std::string remains;
  EventView event;
  event.type = EventType::keys_forgotten;
  event.at = now_unix_ms();
  Sequence sequence = 0;
  {
    Journal::Turn turn(*journal_);
    if (!turn.open()) return false;
    for (const auto& [slot, state_word] : inactive) {
      const bool is_as_it_was = tables_.keys[slot].packed_state_word() == state_word;
      if (!is_as_it_was || edits_.is_pending(slot) || resumptions_.is_pending(slot)) continue;
      if (remains.size() < bytes_together) tables_.append_remains(slot, remains);
    }
    inactive.clear();
    if (remains.empty()) return true;
    event[Field::forgotten] = remains;
    sequence = turn.append(event);
    apply(tables_, sequence, event);
  }
  return journal_->wait_until_durable(sequence);  // lets other commits use the disk
}

// Waits until the index includes all keys that left the tables.
result<void> Engine::wait_for_forgotten() const {
  if (!journal_->wait_until_durable(tables_.forgotten_through())) return errc::storage_failed;
  return store_->wait_for_index();
}

result<void> Engine::recall(Recalled& recalled) const {
  if (!started()) return errc::not_ready;
  if (const auto& name = recalled.wanted_reply(); !name.empty()) {
    auto reply = find_reply(name);
    if (!reply) return reply.error();
    recalled.set_reply(std::move(*reply));
  }
  const auto wanted = recalled.take_wanted();
  if (wanted.empty()) return {};
  if (const auto known = wait_for_forgotten(); !known) return known;
  for (const auto& [kind, text] : wanted) {
    auto key = find_forgotten(kind, text);
    if (!key) return key.error();
    recalled.set({kind, text}, std::move(*key));
  }
  return {};
}

result<std::shared_ptr<const RecalledKey>> Engine::find_forgotten(Forgotten kind,
                                                                  std::string_view text) const {
  std::vector<Sequence> marked;
  const auto index_kind = kind == Forgotten::id ? IndexKind::forgotten : IndexKind::forgotten_secret;
  const auto scanned = store_->scan_index(index_kind, text, 0, [&](Sequence sequence) {
    marked.push_back(sequence);
    return true;
  });
  if (!scanned) return scanned.error();
  std::string remains;
  const auto read = read_events(*store_, marked, [&](Sequence, const EventView& event) {
    for_each_forgotten(event[Field::forgotten], [&](const ForgottenKey& key) {
      bool is_it = kind == Forgotten::id && key.key_id == text;
      for (std::size_t at = 0; kind == Forgotten::secret && at < key.secrets.size(); at += digest_head_bytes)
        is_it = is_it || key.secrets.substr(at, digest_head_bytes) == text;
      if (is_it && remains.empty()) append_forgotten(remains, key);
    });
  });
  if (!read) return read.error();
  result<std::shared_ptr<const RecalledKey>> found = std::shared_ptr<const RecalledKey>();
  for_each_forgotten(remains, [&](const ForgottenKey& key) { found = read_forgotten(key); });
  return found;
}

result<std::shared_ptr<const RecalledKey>> Engine::read_forgotten(const ForgottenKey& remains) const {
  auto key = std::make_shared<RecalledKey>();
  auto& description = key->description;
  auto& decision = description.decision;
  key->created = remains.created;
  key->revoked = remains.revoked;
  decision.as_of = {journal_->epoch(), journal_->applied()};
  decision.key_id = remains.key_id;
  bool is_creation = false;
  auto read = read_events(*store_, std::span(&remains.created, 1), [&](Sequence, const EventView& creation) {
    is_creation = creation.type == EventType::key_created && creation[Field::key_id] == remains.key_id;
    const auto owners = owners_of(creation);
    std::ranges::copy(owners, decision.owners.begin());
    if (const Slot set = tables_.permission_sets.slot_of(creation[Field::permissions]); set != no_slot)
      decision.permissions = tables_.permission_sets.get(set);
    set_record(description, remains.created, creation);
  });
  if (!read) return read.error();
  if (!is_creation) return errc::storage_corrupt;
  if (remains.is_edited) {
    if (const auto edited = add_edits(description); !edited) return edited.error();
  }
  decision.expires_at = description.expires_at;
  if (key->revoked == 0) {
    if (read = find_late_revocation(*key); !read) return read.error();
  }
  if (read = set_revocation(*key); !read) return read.error();
  return std::shared_ptr<const RecalledKey>(std::move(key));
}

// A revocation requested after the key had left.
result<void> Engine::find_late_revocation(RecalledKey& key) const {
  std::vector<Sequence> marked;
  const auto& key_id = key.description.decision.key_id;
  const auto scanned = store_->scan_index(IndexKind::key, key_id, key.created, [&](Sequence sequence) {
    marked.push_back(sequence);
    return true;
  });
  if (!scanned) return scanned;
  return read_events(*store_, marked, [&](Sequence sequence, const EventView& event) {
    if (event.type == EventType::key_revoked && key.revoked == 0) key.revoked = sequence;
  });
}

result<void> Engine::set_revocation(RecalledKey& key) const {
  auto& decision = key.description.decision;
  KeyRecord record;  // as it was in the tables
  for (const Scope scope : all_scopes) {
    if (const auto owner = decision.owner(scope); !owner.empty())
      record.owners[static_cast<std::size_t>(scope)] = tables_.of(scope).find(owner);
  }
  record.created = key.created;
  if (key.revoked != 0) record.set_revoked(key.revoked);
  const auto first = first_revocation(record, decision);
  if (!first) return first.error();
  key.revoked_by = *first;
  decision.state = *first != 0 ? KeyState::revoked : KeyState::expired;
  if (*first == 0) return {};
  auto revocation = find_revocation(record, decision);
  if (!revocation) return revocation.error();
  key.description.revocation = std::move(*revocation);
  return {};
}

// The forgotten key, or null if there is none within the caller's reach. errc::not_recalled: see Recalled.
result<const RecalledKey*> Engine::forgotten(Forgotten kind, std::string_view text,
                                             const Caller& caller) const {
  if (!tables_.forgotten.may_have(kind, text)) return static_cast<const RecalledKey*>(nullptr);
  const auto found = caller.recalled->find(kind, text);
  if (!found) return errc::not_recalled;
  const bool is_within = *found != nullptr && (caller.reach == nullptr ||
                                               caller.reach->covers((*found)->description.decision.owners));
  return is_within ? *found : nullptr;
}

// Ids and secrets of keys that left the tables are not reused.
result<void> Engine::refuse_forgotten(const NewKey& key, const Caller& caller) const {
  const std::pair<Forgotten, std::string_view> names[] = {{Forgotten::id, key.key_id},
                                                          {Forgotten::secret, head_of(key.digest)}};
  Caller unlimited = caller;
  unlimited.reach = nullptr;  // also for keys out of reach
  for (const auto& [kind, text] : names) {
    if (text.empty() || (kind == Forgotten::secret && key.has_issued_secret)) continue;
    const auto found = forgotten(kind, text, unlimited);
    if (!found) return found.error();
    if (*found != nullptr) return errc::already_exists;
  }
  return {};
}

result<RevokedKey> Engine::revoke_forgotten(Forgotten kind, std::string_view text, std::string_view reason,
                                            const Caller& caller) {
  const auto key = forgotten(kind, text, caller);
  if (!key) return key.error();
  if (*key == nullptr) return errc::not_found;
  if (reason.size() > max_reason_size) return errc::invalid_field;
  if ((*key)->revoked_by != 0) return RevokedKey{(*key)->revoked_by, 0, true};
  const auto at = now_unix_ms();
  const auto named = kind == Forgotten::secret ? Named::by_secret : Named::by_id;
  Journal::Turn turn(*journal_);
  if (const auto open = turn.open(); !open) return open.error();
  return RevokedKey{append_late_revocation(turn, **key, named, at, reason, caller), at, false};
}

// Revokes a key that had expired: recorded only in the journal and the index.
Sequence Engine::append_late_revocation(Journal::Turn& turn, const RecalledKey& key, Named named, UnixMs at,
                                        std::string_view reason, const Caller& caller) {
  auto event = key_event(EventType::key_revoked, at, reason, caller);
  set_key(event, key.description.decision);
  event[Field::forgotten] = "1";
  if (named == Named::by_secret) event[Field::exposed] = "1";
  return turn.append(event);
}

result<std::shared_ptr<const RecalledKey>> Engine::recall_id(std::string_view key_id) const {
  if (!tables_.forgotten.may_have(Forgotten::id, key_id)) return std::shared_ptr<const RecalledKey>();
  Recalled recalled;
  (void)recalled.find(Forgotten::id, key_id);
  if (const auto read = recall(recalled); !read) return read.error();
  return recalled.get(Forgotten::id, key_id);
}

std::string_view Engine::head_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest_head_bytes};
}

}  // namespace revoked::engine
