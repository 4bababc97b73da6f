#include "engine/recovery.hpp"

#include <algorithm>
#include <chrono>

#include "engine/tables/checkpoint.hpp"

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
  Recovery(const Store& store, Tables& tables, const ProgressListener& on_progress, std::string& detail)
      : store_(store), tables_(tables), on_progress_(on_progress), detail_(detail) {}

  result<Recovered> run(const std::string& checkpoint_file) {
    if (const auto loaded = load_checkpoint(checkpoint_file); !loaded) return loaded.error();
    progress_.events = store_.last_sequence() - recovered_.checkpoint;
    if (const auto replayed = replay(recovered_.checkpoint + 1); !replayed) return replayed.error();
    progress_.finished = true;
    progress_.keys = tables_.keys.size();
    on_progress_(progress_);
    return std::move(recovered_);
  }

 private:
  result<void> load_checkpoint(const std::string& file) {
    if (file.empty()) return {};
    // What a checkpoint knows of is in the log. If that has lost its end, its positions would be given again.
    Sequence newest = 0;
    result<bool> ours = false;
    const auto is_ours = [&](const CheckpointMark& mark) {
      newest = mark.newest;
      if (newest <= store_.last_sequence()) ours = has_epoch(store_, mark.epoch);
      return ours && *ours;
    };
    const auto read = read_checkpoint(file, is_ours, tables_, recovered_.epochs);
    if (newest > store_.last_sequence()) {
      detail_ = "the log ends at " + std::to_string(store_.last_sequence()) + ", and " + file + " knows " +
                std::to_string(newest) + ": part of the log is missing";
      return errc::storage_corrupt;
    }
    if (!ours) return ours.error();
    if (!read && read.error() == errc::not_found) return {};
    if (!read) {
      detail_ = file + " makes no sense";
      return read.error();
    }
    recovered_.checkpoint = read->sequence;
    return {};
  }

  result<void> replay(Sequence from) {
    bool whole = true;
    auto next = from;
    const auto tail = store_.replay(from, [&](const BatchView& batch) {
      whole = batch.for_each([&](Sequence sequence, const EventView& event) {
        if (sequence < from) return;
        apply(tables_, sequence, event);
        if (event.type == EventType::epoch_started)
          recovered_.epochs.push_back({batch.epoch(), sequence, std::string(event[Field::journal])});
        if (++progress_.replayed_events % 16384 == 0) report_if_due();
      });
      next = batch.last() + 1;
      return whole;
    });
    if (!tail) return tail;
    if (!whole || next != store_.last_sequence() + 1) {
      detail_ = "the events behind " + std::to_string(next) + " make no sense";
      return errc::storage_corrupt;
    }
    return {};
  }

  void report_if_due() {
    constexpr auto report_every = std::chrono::milliseconds(500);
    const auto now = std::chrono::steady_clock::now();
    if (now - reported_ < report_every) return;
    reported_ = now;
    progress_.keys = tables_.keys.size();
    on_progress_(progress_);
  }

  const Store& store_;
  Tables& tables_;
  const ProgressListener& on_progress_;
  std::string& detail_;
  LoadProgress progress_{};
  Recovered recovered_;
  std::chrono::steady_clock::time_point reported_ = std::chrono::steady_clock::now();
};

}  // namespace

result<Recovered> recover(const Store& store, const std::string& checkpoint_file, Tables& tables,
                          const ProgressListener& on_progress, std::string& detail) {
  return Recovery(store, tables, on_progress, detail).run(checkpoint_file);
}

}  // namespace revoked::engine
