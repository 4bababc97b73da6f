// Lists of keys, in order of creation. See engine.hpp.

#include <algorithm>
#include <charconv>
#include <numeric>

#include "engine/engine.hpp"

namespace revoked::engine {

namespace {

// The only user whose keys can be listed: the requested one, or the only one that the caller is limited to.
std::string_view user_of(const KeyQuery& query) {
  const auto& asked = query.owners[static_cast<std::size_t>(Scope::user)];
  if (!asked.empty() || query.reach == nullptr) return asked;
  const auto& limit = query.reach->limit(Scope::user);
  return limit && limit->size() == 1 ? std::string_view(limit->front()) : std::string_view();
}

// Marks a continuation after the end of the tables.
constexpr std::string_view behind_the_tables = "f";

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto* const end = text.data() + text.size();
  return text.empty() || std::from_chars(text.data(), end, number).ptr == end;
}

bool may_be_forgotten(const KeyQuery& query) {
  if (query.used_before) return false;
  return !query.state || *query.state == KeyState::revoked || *query.state == KeyState::expired;
}

bool is_listed(const KeyQuery& query, const Decision& key) {
  if (query.state && *query.state != key.state) return false;
  if (query.reach != nullptr && !query.reach->covers(key.owners)) return false;
  for (std::size_t i = 0; i < key.owners.size(); ++i) {
    if (!query.owners[i].empty() && query.owners[i] != key.owners[i]) return false;
  }
  return true;
}

}  // namespace

std::optional<KeyState> listed_state_of(std::string_view text) {
  for (const auto each : {KeyState::active, KeyState::suspended, KeyState::expired, KeyState::revoked}) {
    if (to_string(each) == text) return each;
  }
  return {};
}

result<KeyPage> Engine::list(KeyQuery query, UnixMs now) const {
  if (!started()) return errc::not_ready;
  KeyPage page;
  for (const Scope scope : all_scopes) {
    const auto& owner = query.owners[static_cast<std::size_t>(scope)];
    if (owner.empty()) continue;
    // Whether an owner exists must not be revealed, not even by the response time, to callers that cannot
    // reach it.
    const bool is_limited = query.reach != nullptr && !query.reach->is_unlimited();
    if (is_limited ? !query.reach->allows(scope, owner) : tables_.of(scope).find(owner) == no_slot)
      return page;
  }
  if (query.used_before) {
    if (*query.used_before <= uses_since_) return page;
    const auto through = last_before(*store_, *query.used_before - 1);
    if (!through) return through.error();
    query.recorded_through = *through;
  }
  // By the user's index entries, as in the audit trail: never a scan of all keys.
  if (const auto user = user_of(query); !user.empty()) {
    AuditQuery entries;
    entries.user = user;
    entries.limit = query.limit;
    entries.reach = query.reach;
    if (!read_number(query.after, entries.after)) return errc::invalid_field;
    result<void> listed;
    const auto read = audit(entries, [&](Sequence created, const EventView& event) {
      if (listed && event.type == EventType::key_created) listed = list_key(query, now, created, event, page);
    });
    if (!read) return read.error();
    if (!listed) return listed.error();
    page.last = std::to_string(read->position);
    page.more = read->more;
    return with_details(std::move(page));
  }
  const bool is_in_tables = !query.after.starts_with(behind_the_tables);
  const auto listed = is_in_tables ? list_tables(query, now, page) : list_forgotten(query, page);
  if (!listed) return listed.error();
  return is_in_tables ? with_details(std::move(page)) : page;
}

result<void> Engine::list_tables(const KeyQuery& query, UnixMs now, KeyPage& page) const {
  Slot next = 0;
  if (!read_number(query.after, next)) return errc::invalid_field;
  const ReadSection section;
  const auto through = durable();
  const auto size = tables_.keys.complete_size();
  std::vector<Sequence> created;  // of the keys in the page
  std::size_t looked_at = 0;
  for (; next < size; ++next) {
    if (created.size() == query.limit || looked_at++ == max_listing_look_at) {
      page.more = true;
      break;
    }
    // A key is listed at its first secret.
    const KeyRecord& key = tables_.keys[next];
    if (!key.is_removed() && key.created <= through && !tables_.has_predecessor(next) &&
        list_slot(query, now, next, page))
      created.push_back(key.created);
  }
  page.last = std::to_string(next);
  if (!page.more && tables_.forgotten_through() != 0 && may_be_forgotten(query)) {
    page.last = std::string(behind_the_tables) + "0";
    page.more = true;
  }
  std::vector<std::size_t> places(created.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::ranges::sort(places, {}, [&](std::size_t place) { return created[place]; });
  std::ranges::sort(created);
  std::size_t at = 0;
  return read_events(*store_, created, [&](Sequence sequence, const EventView& creation) {
    set_record(page.keys[places[at++]], sequence, creation);
  });
}

// The keys that left the tables, in that order: all keys of an event, so maybe a few more than requested.
result<void> Engine::list_forgotten(const KeyQuery& query, KeyPage& page) const {
  Sequence after = 0;
  if (!read_number(std::string_view(query.after).substr(behind_the_tables.size()), after))
    return errc::invalid_field;
  if (const auto known = wait_for_forgotten(); !known) return known;
  std::optional<Sequence> next;
  const auto scanned = store_->scan_index(IndexKind::forgotten, {}, after + 1, [&](Sequence sequence) {
    next = sequence;
    return false;
  });
  if (!scanned) return scanned;
  page.last = query.after;
  if (!next) return {};
  page.last = std::string(behind_the_tables) + std::to_string(*next);
  page.more = true;
  std::string remains;
  const auto read = read_events(*store_, std::span(&*next, 1),
                                [&](Sequence, const EventView& event) { remains = event[Field::forgotten]; });
  if (!read) return read;
  result<void> listed;
  for_each_forgotten(remains, [&](const ForgottenKey& each) {
    if (!listed) return;
    const auto key = read_forgotten(each);
    if (!key) listed = key.error();
    if (key && is_listed(query, (*key)->description.decision)) page.keys.push_back((*key)->description);
  });
  return listed;
}

result<KeyPage> Engine::with_details(KeyPage page) const {
  for (auto& key : page.keys) {
    if (const auto edited = set_edits(key); !edited) return edited.error();
    if (const auto usage = set_usage(key); !usage) return usage.error();
  }
  return page;
}

// Adds the key whose first secret is at `first`, if it matches, without the data that only its record has.
bool Engine::list_slot(const KeyQuery& query, UnixMs now, Slot first, KeyPage& page) const {
  const Slot slot = tables_.keys[first].is_superseded() ? newest_of(first) : first;
  if (slot == no_slot) return false;
  const auto state = tables_.state_of(tables_.keys[slot], now);
  if (query.state && *query.state != state) return false;
  if (query.used_before && !may_be_dormant(query, slot, tables_.keys[first].created)) return false;
  auto& key = page.keys.emplace_back();
  tables_.describe(slot, key.decision);
  key.decision.state = state;
  if (!is_listed(query, key.decision)) {
    page.keys.pop_back();
    return false;
  }
  set_secrets(key, slot, now);
  return true;
}

Slot Engine::newest_of(Slot key) const {
  const Journal::Turn turn(*journal_);
  return tables_.newest_of(key);
}

result<void> Engine::list_key(const KeyQuery& query, UnixMs now, Sequence created, const EventView& creation,
                              KeyPage& page) const {
  const ReadSection section;
  const auto key_id = creation[Field::key_id];
  const Slot slot = tables_.keys.find_by_id(key_id);
  if (slot == no_slot || tables_.keys[slot].is_removed()) {
    if (!may_be_forgotten(query)) return {};
    const auto recalled = recall_id(key_id);
    if (!recalled) return recalled.error();
    if (*recalled && is_listed(query, (*recalled)->description.decision))
      page.keys.push_back((*recalled)->description);
    return {};
  }
  auto& key = page.keys.emplace_back();
  tables_.describe(slot, key.decision);
  key.decision.state = tables_.state_of(tables_.keys[slot], now);
  if (!is_listed(query, key.decision) || (query.used_before && !may_be_dormant(query, slot, created))) {
    page.keys.pop_back();
    return {};
  }
  set_record(key, created, creation);
  set_secrets(key, slot, now);
  return {};
}

// Adds the data from a key's record that is not in the tables.
void Engine::set_record(KeyDescription& key, Sequence created, const EventView& creation) const {
  key.name = creation[Field::name];
  key.metadata = creation[Field::metadata];
  key.expires_at = decode_i64(creation[Field::expires_at], 0);
  key.created_at = decode_i64(creation[Field::created_at], creation.at);
  key.created = position_of(created);
  key.recorded_at = creation.at;
}

void Engine::set_secrets(KeyDescription& key, Slot slot, UnixMs now) const {
  for (const auto& [since, ends_at] : tables_.living_secrets(slot, journal_->durable(), now))
    key.secrets.push_back({position_of(since), ends_at});
  key.last_used_at = start_of(last_use_of(slot));
}

}  // namespace revoked::engine
