// The use of keys, as gateways report it. See engine.hpp.

#include <algorithm>

#include "engine/engine.hpp"
#include "engine/usage_file.hpp"

namespace revoked::engine {

Minute Engine::last_use_of(Slot key) const {
  Minute last = 0;
  tables_.for_each_secret(key, [&](Slot each) {
    last = std::max(last, last_uses_.of(each));
    return true;
  });
  return last;
}

// Of a key whose first secret is from `created`.
bool Engine::may_be_dormant(const KeyQuery& query, Slot key, Sequence created) const {
  return created <= query.recorded_through && start_of(last_use_of(key)) < *query.used_before;
}

// What the description has of the last use may be of an earlier key in the same slot.
result<void> Engine::set_usage(KeyDescription& key) const {
  if (minute_of(key.last_used_at) < minute_of(key.recorded_at)) key.last_used_at = 0;
  const bool has_old_secrets = !key.secrets.empty() && key.secrets.front().position != key.created;
  if (key.decision.state == KeyState::active && !has_old_secrets) return {};
  key.used_after_revocation = denied_uses_.of(key.decision.key_id);
  if (key.used_after_revocation) return {};
  // What was recorded since the start is in memory.
  if (!has_earlier_index_.load(std::memory_order_relaxed)) {
    if (const auto known = store_->wait_for_index(); !known) return known;
    has_earlier_index_.store(true, std::memory_order_relaxed);
  }
  const auto events = denied_use_events(key.decision.key_id);
  if (!events) return events.error();
  if (events->empty()) return {};
  return read_events(*store_, std::span(events->end() - 1, 1), [&](Sequence, const EventView& event) {
    key.used_after_revocation = {decode_attempts(event[Field::all_attempts]),
                                 split_lines(event[Field::gateways])};
  });
}

// The last ones in the index.
result<std::vector<Sequence>> Engine::denied_use_events(std::string_view key_id) const {
  constexpr std::size_t most = 64;
  std::vector<Sequence> last;
  const auto scanned = store_->scan_index(IndexKind::denied_use, key_id, 1, [&](Sequence sequence) {
    if (last.size() == 2 * most) last.erase(last.begin(), last.begin() + most);
    last.push_back(sequence);
    return true;
  });
  if (!scanned) return scanned.error();
  if (last.size() > most) last.erase(last.begin(), last.end() - most);
  return last;
}

// What the index has of it; `created` is the key's creation.
result<DeniedUses::Key> Engine::read_denied_uses(std::string_view key_id, Sequence created,
                                                 UnixMs now) const {
  DeniedUses::Key key;
  key.key_id = key_id;
  auto read = read_events(*store_, std::span(&created, 1),
                          [&](Sequence, const EventView& creation) { key.recorded_at = creation.at; });
  if (!read) return read.error();
  const auto events = denied_use_events(key_id);
  if (!events) return events.error();
  read = read_events(*store_, *events, [&](Sequence, const EventView& event) {
    key.all = decode_attempts(event[Field::all_attempts]);
    key.gateways = split_lines(event[Field::gateways]);
    if (event.at + DeniedUses::event_every <= now) return;
    const auto gateway = event[Field::gateway];
    std::erase_if(key.parts, [&](const auto& part) { return part.gateway == gateway; });
    if (key.parts.size() < DeniedUses::max_gateways_a_key)
      key.parts.push_back({std::string(gateway), {}, {}, event.at});
  });
  if (!read) return read.error();
  return key;
}

result<Engine::TakenUsage> Engine::take_usage(const Usage& usage, std::string_view sender,
                                              const Caller& caller) {
  if (!started()) return errc::not_ready;
  TakenUsage taken;
  const auto of_sender = std::string(sender) + '\n' + usage.gateway;
  if (!usage_batches_.begin(of_sender, usage.batch)) return taken;
  const auto latest = minute_of(now_unix_ms());
  for (const auto& use : usage.uses) {
    const ReadSection section;
    const Slot slot = tables_.keys.find_by_id(use.key_id);
    if (slot == no_slot || !is_within(slot, caller))
      ++taken.ignored;
    else
      last_uses_.note(slot, std::min(use.minute, latest));
  }
  const auto ignored = take_denied_uses(usage, caller);
  if (!ignored) {
    usage_batches_.undo(of_sender);
    return ignored.error();
  }
  taken.ignored += *ignored;
  usage_ignored_ += taken.ignored;
  usage_dropped_ += usage.dropped;
  return taken;
}

// Both return how many keys were ignored.
result<std::size_t> Engine::take_denied_uses(const Usage& usage, const Caller& caller) {
  const auto is_new = [&](const DeniedUse& use) { return !denied_uses_.knows(use.key_id); };
  if (std::ranges::any_of(usage.denied, is_new)) {
    // What is not in memory was written before.
    if (const auto known = store_->wait_for_index(); !known) return known.error();
  }
  std::size_t ignored = 0;
  for (const auto& use : usage.denied) {
    const auto one = take_denied_use(use, usage.gateway, caller);
    if (!one) return one;
    ignored += *one;
  }
  return ignored;
}

result<std::size_t> Engine::take_denied_use(DeniedUse use, std::string_view gateway, const Caller& caller) {
  const auto now = now_unix_ms();
  Sequence created = 0;
  KeyState state = KeyState::unknown;
  {
    const ReadSection section;
    const Slot slot = tables_.keys.find_by_id(use.key_id);
    if (slot == no_slot || !is_within(slot, caller)) return 1;
    state = tables_.state_of(tables_.keys[slot], now);
    // An active key was denied if it was an old secret.
    if (state == KeyState::active && !tables_.has_predecessor(slot)) return 1;
    if (state == KeyState::active) state = KeyState::revoked;
    created = tables_.first_created(slot);
  }
  if (created > durable()) return 1;
  if (!denied_uses_.knows(use.key_id)) {
    auto known = read_denied_uses(use.key_id, created, now);
    if (!known) return known.error();
    denied_uses_.begin(std::move(*known));
  }
  use.attempts.last_at = std::min(use.attempts.last_at, now);
  use.attempts.first_at = std::min(use.attempts.first_at, use.attempts.last_at);
  denied_uses_.add(use, gateway);
  denied_by_state_[static_cast<std::size_t>(state)] += use.attempts.count;
  const auto due = denied_uses_.take_due(use.key_id, gateway, now);
  if (!due) return 0;
  std::uint64_t others = 0;
  if (denied_use_events_.admit(Asker::of(caller.actor, caller.actor_kind, caller.reach), now, others))
    append_denied_use(*due);
  else
    denied_uses_.put_back(*due);
  return 0;
}

void Engine::append_denied_use(const DeniedUses::Due& due) {
  Decision names;
  {
    const ReadSection section;
    const Slot slot = tables_.keys.find_by_id(due.key_id);
    if (slot == no_slot) return;  // it left the tables
    tables_.describe(slot, names);
  }
  EventView event;
  event.type = EventType::key_used_after_revocation;
  event.at = now_unix_ms();
  set_key(event, names);
  event[Field::gateway] = due.part.gateway;
  event[Field::address] = due.part.address;
  const auto attempts = encode_attempts(due.part.pending);
  const auto all = encode_attempts(due.all);
  const auto gateways = join_lines(due.gateways);
  event[Field::attempts] = attempts;
  event[Field::all_attempts] = all;
  event[Field::gateways] = gateways;
  bool is_appended = false;
  {
    Journal::Turn turn(*journal_);
    if (turn.open()) {
      turn.append(event);
      is_appended = true;
    }
  }
  if (!is_appended) denied_uses_.put_back(due);
}

// Counts of the last hour, and those that a caller's rate held back. At a bounded rate: the journal is
// permanent.
void Engine::record_due_denied_uses() {
  constexpr std::chrono::seconds every{10};
  constexpr std::size_t most = 64;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_denied_events_) return;
  next_denied_events_ = now + every;
  for (const auto& due : denied_uses_.take_due(now_unix_ms(), most)) append_denied_use(due);
}

Engine::UsageCounts Engine::usage_counts() const {
  UsageCounts counts{usage_ignored_, usage_dropped_ + denied_uses_.dropped(), {}};
  std::ranges::copy(denied_by_state_, counts.denied.begin());
  return counts;
}

void Engine::load_usage() {
  uses_since_ = now_unix_ms();
  if (options_.usage_file.empty()) return;
  const auto is_ours = [this](const EpochStart& epoch) { return epochs_.has(epoch); };
  auto kept = read_usage_file(options_.usage_file, is_ours, tables_.keys, last_uses_);
  if (!kept) return;
  uses_since_ = std::min(uses_since_, kept->since);
  denied_uses_.restore(std::move(kept->denied));
  (void)last_uses_.take_changed();
  (void)denied_uses_.take_changed();
}

// What a crash loses: a minute, or more if there are so many keys that the disk would be busy with them.
void Engine::save_usage_if_due(const std::function<bool()>& go_on) {
  if (std::chrono::steady_clock::now() >= next_usage_save_) save_usage(go_on);
}

void Engine::save_usage(const std::function<bool()>& go_on) {
  constexpr std::chrono::milliseconds soonest = std::chrono::minutes(1);
  constexpr std::uint64_t bytes_a_ms = (1 << 20) / 1000;
  const auto now = std::chrono::steady_clock::now();
  next_usage_save_ = now + soonest;
  is_usage_saved_ = !last_uses_.take_changed() && is_usage_saved_;
  is_usage_saved_ = !denied_uses_.take_changed() && is_usage_saved_;
  if (options_.usage_file.empty() || is_usage_saved_) return;
  const auto bytes = write_usage_file(options_.usage_file, epochs_.all().back(), tables_.keys, last_uses_,
                                      {uses_since_, denied_uses_.all()}, go_on);
  if (!bytes) return;
  is_usage_saved_ = true;
  next_usage_save_ = now + std::max(soonest, std::chrono::milliseconds(*bytes / bytes_a_ms));
}

}  // namespace revoked::engine
