// The audit trail. See engine.hpp.

#include <algorithm>
#include <span>

#include "engine/engine.hpp"

namespace revoked::engine {

// One query of the trail: what it looks for, and how much it has examined.
class Engine::AuditReading {
 public:
  AuditReading(const Engine& engine, const AuditQuery& query, const KnownEvents& known,
               const EventVisitor& visit)
      : engine_(engine),
        query_(query),
        besides_(known.besides),
        known_{known.created, known.revoked, known.besides},
        visit_(visit),
        through_(engine.durable()) {
    page_.position = query.after;
    std::ranges::sort(known_);
  }

  const AuditPage& page() const { return page_; }

  // The index skips entries that a caller cannot see: page boundaries and response times would reveal whether
  // others know an actor or a user, and how many entries they have. So limited callers scan all entries,
  // unless all keys of the user are within their reach.
  bool may_follow_index() const {
    if (query_.reach == nullptr || query_.reach->is_unlimited()) return true;
    if (query_.user.empty()) return false;
    const Journal::Turn turn(*engine_.journal_);
    const Slot user = engine_.tables_.of(Scope::user).find(query_.user);
    return engine_.tables_.extent_of(*query_.reach, Scope::user, user, query_.user) == Extent::whole;
  }

  // Entries found through the index and the tables, up to `indexed`.
  result<void> read_indexed(IndexKind kind, std::string_view id, Sequence indexed) {
    is_coarse_ = is_coarse(kind);
    // The previous page may have ended within a batch, after its index entry.
    if (is_coarse_ && page_.position != 0 && page_.position < indexed) {
      if (const auto read = read_batch(page_.position + 1); !read) return read;
    }
    while (!over_) {
      std::vector<Sequence> marked;
      const auto scanned = engine_.store_->scan_index(kind, id, page_.position + 1, [&](Sequence sequence) {
        if (sequence > indexed) return false;
        marked.push_back(sequence);
        return marked.size() < entries_together;
      });
      if (!scanned) return scanned;
      spend(marked.size() * events_an_entry);
      const bool all = marked.size() < entries_together;
      for (const auto known : known_) {
        if (known > page_.position && known <= indexed && (all || known < marked.back()))
          marked.insert(std::lower_bound(marked.begin(), marked.end(), known), known);
      }
      for (auto next = marked.cbegin(); next != marked.cend() && !over_;) {
        if (const auto read = read_from(next, marked.cend()); !read) return read;
      }
      if (over_ || !all) continue;
      page_.position = std::max(page_.position, indexed);
      break;
    }
    return {};
  }

  // Everything after the position.
  result<void> read_rest() {
    if (over_ || page_.position >= through_) return {};
    return engine_.store_->read(page_.position + 1, [&](const BatchView& batch) {
      if (batch.last() > through_ || !may_look_at(batch)) return false;
      batch.for_each([&](Sequence sequence, const EventView& event) {
        if (!over_ && sequence > page_.position) look_at(sequence, event);
      });
      return !over_;
    });
  }

 private:
  static constexpr std::size_t entries_together = 1000;
  // Costs, in events examined.
  static constexpr std::size_t events_an_entry = 20;
  static constexpr std::size_t bytes_an_event = 128;
  static constexpr std::size_t oldest_looked_at = 64;

  // The rest of one batch.
  result<void> read_batch(Sequence from) {
    return engine_.store_->read(from, [&](const BatchView& batch) {
      if (!may_look_at(batch)) return false;
      batch.for_each([&](Sequence sequence, const EventView& event) {
        if (!over_ && sequence >= from) look_at(sequence, event);
      });
      return false;
    });
  }

  // The batch with *next, and following ones that have indexed events too. Advances `next`.
  result<void> read_from(std::vector<Sequence>::const_iterator& next,
                         std::vector<Sequence>::const_iterator end) {
    const auto first = next;
    const auto read = engine_.store_->read(*next, [&](const BatchView& batch) {
      if (!may_look_at(batch)) return false;
      const auto from = *next;
      const auto here = std::span(next, std::lower_bound(next, end, batch.last() + 1));
      const auto look = [&](Sequence sequence, const EventView& event) {
        if (!over_ && sequence >= from) look_at(sequence, event);
      };
      is_coarse_ ? batch.for_each(look) : batch.for_each_of(here, look);
      next += static_cast<std::ptrdiff_t>(here.size());
      return !over_ && next != end && *next <= batch.last() + batch.count();
    });
    if (read && next == first && !over_) return errc::storage_corrupt;  // no event at an entry
    return read;
  }

  bool may_look_at(const BatchView& batch) {
    if (spent_ >= max_audit_look_at) over_ = page_.more = true;
    spend(std::max<std::size_t>(batch.count(), batch.bytes().size() / bytes_an_event));
    return !over_;
  }
  void spend(std::size_t events) { spent_ += events; }

  void look_at(Sequence sequence, const EventView& event) {
    page_.position = sequence;
    if (event.type == EventType::epoch_started || event.type == EventType::keys_forgotten ||
        event.type == EventType::reply_kept || !concerns(sequence, event))
      return;
    // A caller that may see the key may see what revoked it, even if that concerned other keys.
    if (sequence != besides_ && !engine_.is_visible(event, query_.reach) &&
        !revoked_visible_key(sequence, event))
      return;
    visit_(sequence, event);
    if (++found_ < query_.limit) return;
    over_ = true;
    page_.more = sequence < through_;
  }

  // Whether an owner's revocation included a key that the caller may see, although others have keys of that
  // owner too. Searches the oldest entries of the user, if one is known.
  bool revoked_visible_key(Sequence sequence, const EventView& event) {
    if (event.type != EventType::owner_revoked) return false;
    if (const auto user = user_of(event); !user.empty()) return revoked_key_of(user, sequence);
    const auto& users = query_.reach->limit(Scope::user);
    return users && std::any_of(users->begin(), users->end(),
                                [&](const auto& user) { return revoked_key_of(user, sequence); });
  }

  bool revoked_key_of(std::string_view user, Sequence sequence) {
    std::vector<Sequence> marked;
    const auto scanned = engine_.store_->scan_index(IndexKind::user, user, 1, [&](Sequence mark) {
      if (mark >= sequence || marked.size() == oldest_looked_at) return false;
      marked.push_back(mark);
      return true;
    });
    if (!scanned) return false;
    spend(marked.size() * events_an_entry);
    std::vector<std::string> keys;
    for (const auto mark : marked) {
      if (keys.size() >= oldest_looked_at) break;
      const auto read = engine_.store_->read(mark, [&](const BatchView& batch) {
        spend(batch.count());
        batch.for_each([&](Sequence at, const EventView& each) {
          const std::array owners{each[Field::user], each[Field::application], each[Field::workspace]};
          if (at >= mark && each.type == EventType::key_created && each[Field::user] == user &&
              query_.reach->covers(owners))
            keys.emplace_back(each[Field::key_id]);
        });
        return false;
      });
      if (!read) return false;
    }
    return std::any_of(keys.begin(), keys.end(), [&](const auto& key_id) {
      const auto known = engine_.known_events(key_id);
      return known && known->besides == sequence;
    });
  }

  bool concerns(Sequence sequence, const EventView& event) const {
    return query_.matches(event, sequence == besides_);
  }

  const Engine& engine_;
  const AuditQuery& query_;
  const Sequence besides_;
  std::array<Sequence, 3> known_;
  const EventVisitor& visit_;
  const Sequence through_;
  AuditPage page_;
  std::size_t spent_ = 0;
  std::size_t found_ = 0;
  bool is_coarse_ = false;
  bool over_ = false;
};

result<AuditPage> Engine::audit(const AuditQuery& query, const EventVisitor& visit) const {
  if (!started()) return errc::not_ready;
  if (!may_concern(query)) return AuditPage{std::max(query.after, durable()), false};
  const auto indexed = store_->indexed_to();  // before reading: the index has everything up to here
  const auto known = known_events(query.key_id);
  if (!known) return known.error();
  AuditReading reading(*this, query, *known, visit);
  result<void> read;
  if (!query.key_id.empty())
    read = reading.read_indexed(IndexKind::key, query.key_id, indexed);
  else if (!reading.may_follow_index())
    read = {};
  else if (!query.user.empty())
    read = reading.read_indexed(IndexKind::user, query.user, indexed);
  else if (!query.actor.empty())
    read = reading.read_indexed(IndexKind::actor, query.actor, indexed);
  if (read) read = reading.read_rest();
  if (!read) return read.error();
  return reading.page();
}

// Whether there may be entries for this caller. A query for others' keys or users takes as long as for
// unknown ones.
bool Engine::may_concern(const AuditQuery& query) const {
  if (query.reach == nullptr || query.reach->is_unlimited()) return true;
  if (!query.user.empty() && !query.reach->allows(Scope::user, query.user)) return false;
  if (query.key_id.empty()) return true;
  const ReadSection section;
  const Slot slot = tables_.keys.find_by_id(query.key_id);
  if (slot == no_slot) {
    const auto key = recall_id(query.key_id);
    return key && *key && query.reach->covers((*key)->description.decision.owners);
  }
  Decision names;
  tables_.describe(slot, names);
  return query.reach->covers(names.owners);
}

// The events of a key that are not in the index.
result<Engine::KnownEvents> Engine::known_events(std::string_view key_id) const {
  if (key_id.empty()) return KnownEvents{};
  const ReadSection section;
  const Slot slot = tables_.keys.find_by_id(key_id);
  if (slot != no_slot) {
    const auto besides = revoked_with_owner(key_id);
    if (!besides) return besides.error();
    const KnownEvents known{tables_.first_created(slot), tables_.keys[slot].revoked(), *besides};
    if (!tables_.keys[slot].is_removed()) return known;
  }
  const auto key = recall_id(key_id);
  if (!key) return key.error();
  if (!*key) return KnownEvents{};
  const auto by = (*key)->revoked_by;
  return KnownEvents{(*key)->created, (*key)->revoked, by == (*key)->revoked ? 0 : by};
}

// The owner's revocation that revoked this key; 0: none.
result<Sequence> Engine::revoked_with_owner(std::string_view key_id) const {
  const ReadSection section;
  const Slot slot = tables_.keys.find_by_id(key_id);
  if (slot == no_slot) return Sequence{0};
  Decision names;
  tables_.describe(slot, names);
  const auto own = tables_.keys[slot].revoked();
  const auto first = first_revocation(tables_.keys[slot], names);
  if (!first) return first;
  return *first == own ? Sequence{0} : *first;
}

bool Engine::is_visible(const EventView& event, const Reach* reach) const {
  if (reach == nullptr || reach->is_unlimited()) return true;
  if (event.type == EventType::attempt_refused) return false;
  if (!is_of_owner(event.type)) {
    return reach->covers(std::array{event[Field::user], event[Field::application], event[Field::workspace]});
  }
  const auto owners = named_owners(event);
  if (!owners) return false;
  if (reach->covers(*owners)) return true;
  const auto of = static_cast<Scope>(event[Field::owner_scope].front());
  const auto id = event[Field::owner_id];
  // Narrowed by owners outside the reach: no key within it is affected.
  if (owners_of(event) != OwnerIds{}) return false;
  const Journal::Turn turn(*journal_);
  return tables_.extent_of(*reach, of, tables_.of(of).find(id), id) == Extent::whole;
}

void Engine::record_refusal(std::string_view what, std::string_view key_id, const Caller& caller) {
  if (!is_ready()) return;
  const auto now = now_unix_ms();
  std::uint64_t others = 0;
  if (!refusals_.admit(Asker::of(caller.actor, caller.actor_kind, caller.reach), now, others)) return;
  std::string reason(what);
  if (others != 0)
    reason.append("; ").append(std::to_string(others)).append(" others since the last one recorded");
  append_refusal(reason, key_id, now, caller);
}

void Engine::record_counted_refusals() {
  std::uint64_t others = 0;
  const auto now = now_unix_ms();
  if (!is_ready() || !refusals_.take_count(now, others)) return;
  append_refusal(std::to_string(others) + " others since the last one recorded", {}, now, {});
}

void Engine::append_refusal(std::string_view reason, std::string_view key_id, UnixMs at,
                            const Caller& caller) {
  EventView event;
  event.type = EventType::attempt_refused;
  event.at = at;
  event[Field::reason] = reason.substr(0, max_reason_size);
  // Only known ids: anyone may have sent anything, even a secret.
  if (is_key_id(key_id) && tables_.keys.find_by_id(key_id) != no_slot) event[Field::key_id] = key_id;
  set_caller(event, caller);
  Journal::Turn turn(*journal_);
  if (turn.open()) turn.append(event);
}

}  // namespace revoked::engine
