#include "engine/engine.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/tables/projection.hpp"

namespace revoked::engine {
Engine::Engine(Options options, std::function<void()> on_storage_failure)
    : options_(std::move(options)),
      digester_(options_.pepper),
      on_storage_failure_(std::move(on_storage_failure)),
      edits_(tables_),
      resumptions_(tables_) {}

Engine::~Engine() { stop(); }

result<void> Engine::start(std::unique_ptr<Store> store, JournalListener& listener,
                           const ProgressListener& on_progress, Role role) {
  store_ = std::move(store);
  auto recovered = recover(*store_, options_.checkpoint_file, tables_, on_progress, start_failure_);
  if (!recovered) return recovered.error();
  checkpointed_ = recovered->checkpoint;
  epochs_.set(std::move(recovered->epochs));
  load_usage();

  journal_ = std::make_unique<Journal>(*store_, epochs_.newest(), store_->last(), on_storage_failure_);
  journal_->add(listener);
  journal_->add(edits_);  // before the listeners that answer clients, and in this order
  journal_->add(resumptions_);
  for (auto* commit_listener : commit_listeners_) journal_->add(*commit_listener);
  if (role == Role::leader) return lead();
  begin_service();
  return {};
}

// The event that begins the epoch is durable before anybody hears of it. Gateways believe no engine of an
// older epoch than one that they have heard of: one that never began would leave them without any.
result<void> Engine::lead() {
  const auto journal = new_random_id();
  EventView begins;
  begins.type = EventType::epoch_started;
  begins.at = now_unix_ms();
  begins[Field::journal] = journal;
  Batch batch;
  batch.begin(epochs_.newest() + 1, journal_->applied() + 1);
  batch.append(begins);
  if (!store_->append(batch.view())) return errc::storage_failed;
  if (const auto followed = follow(batch.view()); !followed) return followed;
  journal_->lead();
  return {};
}

result<void> Engine::follow(const BatchView& batch) {
  if (batch.first() != journal_->applied() + 1) return errc::storage_corrupt;
  bool is_whole = true;
  {
    const Journal::Turn turn(*journal_);
    is_whole = batch.for_each([&](Sequence sequence, const EventView& event) {
      apply(tables_, sequence, event);
      if (event.type == EventType::epoch_started)
        epochs_.begin({batch.epoch(), sequence, std::string(event[Field::journal])});
    });
  }
  if (!is_whole) return errc::storage_corrupt;
  journal_->follow(batch);
  begin_service();
  return {};
}

// Nothing is served of a journal that has not begun.
void Engine::begin_service() {
  if (started() || epochs_.newest() == 0) return;
  checkpointer_ = std::make_unique<Checkpointer>(*journal_, [this](const std::function<bool()>& go_on) {
    if (journal_->leads()) {
      forget_if_due(go_on);
      record_due_denied_uses();
    }
    save_usage_if_due(go_on);
    checkpoint_if_due(go_on);
  });
  started_.store(true, std::memory_order_release);
}

std::string Engine::storage_failure() const {
  auto failure = store_ ? store_->failure() : std::string();
  return failure.empty() ? start_failure_ : failure;
}

void Engine::stop(const std::function<void()>& once_committed) {
  if (stopped_.exchange(true)) return;
  if (journal_) journal_->stop();
  if (once_committed) once_committed();
  checkpointer_.reset();
  if (!started() || has_failed()) return;
  // Makes the next start faster. Bounded, as the process may be killed soon.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  save_usage([] { return true; });
  no_checkpoint_before_ = {};  // one that this stop has interrupted did not fail
  checkpoint_if_due([until] { return std::chrono::steady_clock::now() < until; });
}

bool Engine::is_ready() const { return started() && !stopped_ && !journal_->has_failed(); }

namespace {

[[gnu::noinline]] void set_lock(Decision& decision, const StandingLock& lock) {
  decision.locked_until = lock.until == OwnerLocks::forever ? 0 : lock.until;
  if (lock.lifted_by != 0) decision.as_of.sequence = std::min(decision.as_of.sequence, lock.lifted_by - 1);
}

}  // namespace

result<void> Engine::verify(const Digest& digest, UnixMs now, Decision& decision) const {
  if (!started()) return errc::not_ready;
  const ReadSection section;
  (void)verify_slot(digest, now, decision);
  return {};
}

// The slot of the secret; no_slot if the key is unknown.
inline Slot Engine::verify_slot(const Digest& digest, UnixMs now, Decision& decision) const {
  // Read before the look-up: its result is at least as new.
  decision.as_of = {journal_->epoch(), journal_->applied()};
  decision.state = KeyState::unknown;
  decision.locked_until = 0;
  const Slot slot = tables_.keys.find_by_digest(digest);
  if (slot == no_slot || tables_.keys[slot].created > journal_->durable()) return no_slot;
  if (tables_.keys[slot].is_removed()) [[unlikely]]
    return no_slot;
  decision.as_of.sequence = edits_.holds_through(slot, decision.as_of.sequence);
  StandingLock lock;
  decision.state = tables_.state_of(tables_.keys[slot], now, lock);
  if (decision.state == KeyState::locked) set_lock(decision, lock);
  tables_.describe(slot, decision);
  return slot;
}

result<void> Engine::verify_use(const Digest& digest, UnixMs now, const Reach* reach,
                                Decision& decision) const {
  if (!started()) return errc::not_ready;
  const ReadSection section;
  const Slot slot = verify_slot(digest, now, decision);
  if (slot == no_slot) return {};
  if (reach != nullptr && !reach->covers(decision.owners))
    decision.state = KeyState::unknown;
  else if (decision.state == KeyState::active)
    last_uses_.note(slot, minute_of(now));
  return {};
}

result<KeyDescription> Engine::describe(std::string_view key_id, UnixMs now, const Reach* reach) const {
  if (!started()) return errc::not_ready;
  const ReadSection section;
  const Slot slot = tables_.keys.find_by_id(key_id);
  if (slot != no_slot) {
    auto found = describe_slot(slot, key_id, now, reach);
    if (!tables_.keys[slot].is_removed()) return found;  // otherwise it left the tables meanwhile
  }
  return describe_forgotten(key_id, reach);
}

result<KeyDescription> Engine::describe_slot(Slot slot, std::string_view key_id, UnixMs now,
                                             const Reach* reach) const {
  KeyDescription found;
  found.decision.as_of = {journal_->epoch(), journal_->applied()};
  // Its newest secret may not be durable yet.
  if (!tables_.was_there(slot, journal_->durable())) return errc::not_found;
  const KeyRecord& key = tables_.keys[slot];
  found.decision.state = tables_.state_of(key, now);
  tables_.describe(slot, found.decision);
  if (reach != nullptr && !reach->covers(found.decision.owners)) return errc::not_found;

  const auto created = tables_.first_created(slot);
  bool is_creation = false;
  const auto read = read_events(*store_, std::span(&created, 1), [&](Sequence, const EventView& creation) {
    is_creation = creation.type == EventType::key_created && creation[Field::key_id] == key_id;
    set_record(found, created, creation);
  });
  if (!read) return read.error();
  if (!is_creation) return errc::storage_corrupt;
  set_secrets(found, slot, now);
  if (const auto edited = set_edits(found); !edited) return edited.error();
  if (found.decision.state == KeyState::revoked) {
    auto revocation = find_revocation(key, found.decision);
    if (!revocation) return revocation.error();
    found.revocation = std::move(*revocation);
  }
  if (const auto usage = set_usage(found); !usage) return usage.error();
  return found;
}

result<KeyDescription> Engine::describe_forgotten(std::string_view key_id, const Reach* reach) const {
  const auto key = recall_id(key_id);
  if (!key) return key.error();
  const auto* const found = key->get();
  if (found == nullptr || (reach != nullptr && !reach->covers(found->description.decision.owners)))
    return errc::not_found;
  return found->description;
}

// The first revocation of exactly these owners at or after `from`; 0: none.
result<Sequence> Engine::revocation_of(const OwnerIds& owners, Sequence from) const {
  if (const auto known = store_->wait_for_index(); !known) return known.error();
  Sequence first = 0;
  const auto scanned = store_->scan_index(IndexKind::owners, index_id(owners), from, [&](Sequence sequence) {
    first = sequence;
    return false;
  });
  if (!scanned) return scanned.error();
  return first;
}

// The first event that revoked the key: later events do not change it. 0: none.
result<Sequence> Engine::first_revocation(const KeyRecord& key, const Decision& names) const {
  Sequence first = key.revoked();
  std::vector<OwnerIds> marked;
  tables_.for_each_mark(key, [&](const std::array<bool, 3>& is_of) {
    auto& owners = marked.emplace_back();
    for (std::size_t i = 0; i < owners.size(); ++i) {
      if (is_of[i]) owners[i] = names.owners[i];
    }
  });
  for (const auto& owners : marked) {
    const auto mark = revocation_of(owners, key.created);
    if (!mark) return mark.error();
    if (*mark != 0 && (first == 0 || *mark < first)) first = *mark;
  }
  return first;
}

result<Revocation> Engine::find_revocation(const KeyRecord& key, const Decision& decision) const {
  const auto found = first_revocation(key, decision);
  if (!found) return found.error();
  const auto first = *found;
  Revocation revocation{position_of(first), 0, {}};
  if (first == 0 || first > durable()) return revocation;  // published, not yet synced: no details yet
  const auto read = read_events(*store_, std::span(&first, 1), [&](Sequence, const EventView& event) {
    revocation.at = event.at;
    revocation.reason = event[Field::reason];
  });
  if (!read) return read.error();
  return revocation;
}

result<std::string> Engine::key_id_of(const Digest& digest, const Caller& caller) const {
  if (!started()) return errc::not_ready;
  const ReadSection section;
  const Slot slot = tables_.keys.find_by_digest(digest);
  std::string id;
  if (slot != no_slot) {
    tables_.keys.append_id(slot, id);
    return id;
  }
  const auto key = forgotten(Forgotten::secret, head_of(digest), caller);
  if (!key) return key.error();
  if (*key == nullptr) return errc::not_found;
  return (*key)->description.decision.key_id;
}

std::optional<Digest> Engine::digest_of_reported(std::string_view text) const {
  const auto readings = readings_of(text);
  std::optional<Digest> digest;
  for (const auto reading : readings) {
    if (!is_secret(reading)) continue;
    digest = digester()(reading);
    if (readings.count > 1 && tables_.keys.find_by_digest(*digest) != no_slot) break;
  }
  return digest;
}

bool Engine::can_continue(Position position, Sequence last, std::string_view journal) const {
  if (position.sequence > last) return false;
  return position == Position{} || epochs_.have(position, journal);
}

result<void> Engine::read_journal(Sequence after, const std::function<bool(const BatchView&)>& visit) const {
  if (!started()) return errc::not_ready;
  const auto through = durable();
  if (after >= through) return {};
  return store_->read(after + 1, [&](const BatchView& batch) {
    // The store may have a batch that is still being synced.
    return batch.last() <= through && visit(batch);
  });
}

result<std::unique_ptr<Backup>> Engine::back_up() const {
  if (!started()) return errc::not_ready;
  return store_->back_up();
}

Engine::Size Engine::size() const {
  return {tables_.keys.count(),
          {tables_.owners[0].size(), tables_.owners[1].size(), tables_.owners[2].size()}};
}

}  // namespace revoked::engine
