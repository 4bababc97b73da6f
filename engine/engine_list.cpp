// Lists of keys, in the order of their creation. See engine.hpp.

#include <charconv>

#include "engine/engine.hpp"

namespace revoked::engine {

namespace {

// The user whose keys alone can be in the list: asked for, or the only one that the caller is limited to.
std::string_view user_of(const KeyQuery& query) {
  const auto& asked = query.owners[static_cast<std::size_t>(Scope::user)];
  if (!asked.empty() || query.reach == nullptr) return asked;
  const auto& limit = query.reach->limit(Scope::user);
  return limit && limit->size() == 1 ? std::string_view(limit->front()) : std::string_view();
}

}  // namespace

std::optional<KeyState> listed_state_of(std::string_view text) {
  for (const auto each : {KeyState::active, KeyState::suspended, KeyState::expired, KeyState::revoked}) {
    if (to_string(each) == text) return each;
  }
  return {};
}

result<KeyPage> Engine::list(const KeyQuery& query, UnixMs now) const {
  if (!started()) return errc::not_ready;
  KeyPage page;
  for (const Scope scope : all_scopes) {
    const auto& owner = query.owners[static_cast<std::size_t>(scope)];
    if (owner.empty()) continue;
    // Whether an owner is there is not to be told, nor shown by the time it takes, to those who cannot reach
    // it.
    const bool is_limited = query.reach != nullptr && !query.reach->is_unlimited();
    if (is_limited ? !query.reach->allows(scope, owner) : tables_.of(scope).find(owner) == no_slot)
      return page;
  }
  // By what the journal's marks lead to, as the audit trail is read: never a look at all keys.
  if (const auto user = user_of(query); !user.empty()) {
    AuditQuery entries;
    entries.user = user;
    entries.limit = query.limit;
    entries.reach = query.reach;
    const auto* const end = query.after.data() + query.after.size();
    if (!query.after.empty() && std::from_chars(query.after.data(), end, entries.after).ptr != end)
      return errc::invalid_field;
    const auto read = audit(entries, [&](Sequence created, const EventView& event) {
      if (event.type == EventType::key_created) list_key(query, now, created, event, page);
    });
    if (!read) return read.error();
    page.last = std::to_string(read->position);
    page.more = read->more;
    return with_edits(std::move(page));
  }
  const auto* const end = query.after.data() + query.after.size();
  Slot next = 0;
  if (!query.after.empty() && std::from_chars(query.after.data(), end, next).ptr != end)
    return errc::invalid_field;
  const auto through = durable();
  const auto size = tables_.keys.complete_size();
  std::vector<Sequence> created;  // of the keys in the page
  std::size_t looked_at = 0;
  for (; next < size && tables_.keys[next].created <= through; ++next) {
    if (created.size() == query.limit || looked_at++ == max_listing_look_at) {
      page.more = true;
      break;
    }
    // A key is where its first secret is.
    if (!tables_.has_predecessor(next) && list_slot(query, now, next, page))
      created.push_back(tables_.keys[next].created);
  }
  page.last = std::to_string(next);
  std::size_t at = 0;
  const auto read = read_events(*store_, created, [&](Sequence sequence, const EventView& creation) {
    set_record(page.keys[at++], sequence, creation);
  });
  if (!read) return read.error();
  return with_edits(std::move(page));
}

result<KeyPage> Engine::with_edits(KeyPage page) const {
  for (auto& key : page.keys) {
    if (const auto edited = set_edits(key); !edited) return edited.error();
  }
  return page;
}

// Adds the key whose first secret is there, if it is of the list, but for what only its record says.
bool Engine::list_slot(const KeyQuery& query, UnixMs now, Slot first, KeyPage& page) const {
  const Slot slot = tables_.keys[first].is_superseded() ? newest_of(first) : first;
  const auto state = tables_.state_of(tables_.keys[slot], now);
  if (query.state && *query.state != state) return false;
  auto& key = page.keys.emplace_back();
  tables_.describe(slot, key.decision);
  const auto& owners = key.decision.owners;
  bool is_asked_for = query.reach == nullptr || query.reach->covers(owners);
  for (std::size_t i = 0; i < owners.size(); ++i)
    is_asked_for = is_asked_for && (query.owners[i].empty() || query.owners[i] == owners[i]);
  if (!is_asked_for) {
    page.keys.pop_back();
    return false;
  }
  key.decision.state = state;
  set_secrets(key, slot, now);
  return true;
}

Slot Engine::newest_of(Slot key) const {
  const Journal::Turn turn(*journal_);
  return tables_.newest_of(key);
}

void Engine::list_key(const KeyQuery& query, UnixMs now, Sequence created, const EventView& creation,
                      KeyPage& page) const {
  std::array<std::string_view, 3> owners;
  for (const Scope scope : all_scopes) {
    const auto at = static_cast<std::size_t>(scope);
    owners[at] = creation[owner_field(scope)];
    if (!query.owners[at].empty() && query.owners[at] != owners[at]) return;
  }
  if (query.reach != nullptr && !query.reach->covers(owners)) return;
  const Slot slot = tables_.keys.find_by_id(creation[Field::key_id]);
  if (slot == no_slot) return;
  const auto state = tables_.state_of(tables_.keys[slot], now);
  if (query.state && *query.state != state) return;
  auto& key = page.keys.emplace_back();
  tables_.describe(slot, key.decision);
  key.decision.state = state;
  set_record(key, created, creation);
  set_secrets(key, slot, now);
}

// What a key's record says beyond what the tables know.
void Engine::set_record(KeyDescription& key, Sequence created, const EventView& creation) const {
  key.name = creation[Field::name];
  key.metadata = creation[Field::metadata];
  key.expires_at = decode_i64(creation[Field::expires_at], 0);
  key.created_at = decode_i64(creation[Field::created_at], creation.at);
  key.created = position_of(created);
}

void Engine::set_secrets(KeyDescription& key, Slot slot, UnixMs now) const {
  for (const auto& [since, ends_at] : tables_.living_secrets(slot, journal_->durable(), now))
    key.secrets.push_back({position_of(since), ends_at});
}

}  // namespace revoked::engine
