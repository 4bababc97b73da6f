#include "engine/recovery.hpp"

#include <algorithm>
#include <chrono>

#include "engine/checkpoint.hpp"

namespace revoked::engine {
namespace {

void apply_lock(Tables& tables, Sequence sequence, const EventView& event) {
  const auto owners = named_owners(event);
  if (!owners) return;
  const auto named = static_cast<Scope>(event[Field::owner_scope].front());
  if (event.type == EventType::owner_unlocked) return tables.unlock_owners(sequence, named, *owners);
  tables.lock_owners(sequence, named, *owners, decode_i64(event[Field::expires_at], OwnerLocks::forever),
                     decode_u16(event[Field::width], 0));
}

// Applying an event once more changes nothing: the tables may know of it, and of what came after it.
void apply(Tables& tables, Sequence sequence, const EventView& event) {
  if (event.type == EventType::owner_revoked) {
    if (const auto owners = named_owners(event)) tables.revoke_owners(*owners, sequence);
    return;
  }
  if (event.type == EventType::owner_locked || event.type == EventType::owner_unlocked)
    return apply_lock(tables, sequence, event);
  const auto id = event[Field::key_id];
  const Slot slot = id.empty() ? no_slot : tables.keys.find_by_id(id);
  if (event.type == EventType::key_created) {
    if (slot == no_slot) tables.add_key(sequence, event);
    return;
  }
  if (slot == no_slot) return;
  switch (event.type) {
    case EventType::key_revoked:
      tables.revoke_key(slot, sequence);
      return;
    case EventType::key_suspended:
      return tables.suspend_key(slot, decode_u16(event[Field::width], 0));
    case EventType::key_resumed:
      return tables.resume_key(slot);
    case EventType::key_changed:
      // A secret that is newer has it from the one before.
      if (tables.keys[slot].created < sequence)
        tables.edit_key(slot, tables.edited(slot, tables.terms_of(slot), event));
      return;
    case EventType::key_rotated:
      if (const auto digest = digest_of(event); tables.keys.find_by_digest(digest) == no_slot)
        tables.rotate_key(slot, sequence, digest, {event.at, decode_i64(event[Field::grace_until], 0)});
      return;
    default:
      return;
  }
}

class Recovery {
 public:
  Recovery(const Store& store, Tables& tables, const ProgressListener& on_progress)
      : store_(store),
        tables_(tables),
        on_progress_(on_progress),
        progress_{0, store.estimated_keys(), 0, false} {}

  result<Sequence> run(const std::string& checkpoint_file) {
    const auto last = store_.last_sequence();
    if (!last) return last.error();
    // What the records know of must be in the journal. If it has lost its end, its positions would be given
    // again.
    newest_ = store_.folded_to();
    const auto checkpoint = load_checkpoint(checkpoint_file);
    if (!checkpoint) return checkpoint.error();
    if (*checkpoint == 0) {
      if (const auto loaded = load_store(); !loaded) return loaded.error();
    }
    if (newest_ > *last) return errc::storage_corrupt;
    const auto replayed = replay((*checkpoint != 0 ? *checkpoint : store_.folded_to()) + 1);
    if (!replayed) return replayed.error();
    progress_.finished = true;
    on_progress_(progress_);
    return *checkpoint;
  }

 private:
  // 0: there is none that is good for this store.
  result<Sequence> load_checkpoint(const std::string& file) {
    if (file.empty()) return Sequence{0};
    const auto id = store_.checkpoint_id();
    if (!id) return id.error();
    const auto read = read_checkpoint(file, *id, tables_);
    if (!read) return read.error() == errc::not_found ? result<Sequence>(Sequence{0}) : read.error();
    newest_ = std::max(newest_, read->newest);
    progress_.keys = tables_.keys.size();
    return read->sequence;
  }

  result<void> load_store() {
    const auto marks = store_.load_owner_marks([&](const OwnerMark& mark) {
      newest_ = std::max(newest_, mark.sequence);
      tables_.raise_mark({mark.owners[0], mark.owners[1], mark.owners[2]}, mark.sequence);
    });
    if (!marks) return marks;
    const auto keys = store_.load_keys([&](Sequence created, const EventView& creation, Sequence revoked) {
      newest_ = std::max(newest_, created);
      const Slot slot = tables_.add_key(created, creation);
      if (revoked != 0) tables_.revoke_key(slot, revoked);
      if (++progress_.keys % 16384 == 0) report_if_due();
    });
    if (!keys) return keys;
    return store_.load_changes(
        [&](Sequence sequence, const EventView& event) { apply(tables_, sequence, event); });
  }

  result<void> replay(Sequence from) {
    bool whole = true;
    const auto tail = store_.replay(from, [&](const BatchView& batch) {
      whole = batch.for_each([&](Sequence sequence, const EventView& event) {
        if (sequence < from) return;
        apply(tables_, sequence, event);
        if (++progress_.replayed_events % 16384 == 0) report_if_due();
      });
      return whole;
    });
    if (!tail) return tail;
    if (!whole) return errc::storage_corrupt;
    return {};
  }

  void report_if_due() {
    constexpr auto report_every = std::chrono::milliseconds(500);
    const auto now = std::chrono::steady_clock::now();
    if (now - reported_ < report_every) return;
    reported_ = now;
    on_progress_(progress_);
  }

  const Store& store_;
  Tables& tables_;
  const ProgressListener& on_progress_;
  LoadProgress progress_;
  Sequence newest_ = 0;
  std::chrono::steady_clock::time_point reported_ = std::chrono::steady_clock::now();
};

}  // namespace

result<Sequence> recover(const Store& store, const std::string& checkpoint_file, Tables& tables,
                         const ProgressListener& on_progress) {
  return Recovery(store, tables, on_progress).run(checkpoint_file);
}

}  // namespace revoked::engine
