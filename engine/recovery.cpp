#include "engine/recovery.hpp"

#include <algorithm>
#include <chrono>

namespace revoked::engine {
namespace {

void apply_change(Tables& tables, Sequence sequence, const EventView& event) {
  const Slot slot = tables.keys.find_by_id(event[Field::key_id]);
  if (slot == no_slot) return;
  switch (event.type) {
    case EventType::key_suspended:
      return tables.suspend_key(slot, true);
    case EventType::key_resumed:
      return tables.suspend_key(slot, false);
    case EventType::key_rotated:
      tables.rotate_key(slot, sequence, digest_of(event), decode_i64(event[Field::grace_until], 0));
      return;
    default:
      return;
  }
}

}  // namespace

result<void> recover(const Store& store, Tables& tables, const ProgressListener& on_progress) {
  constexpr auto report_every = std::chrono::milliseconds(500);
  auto reported = std::chrono::steady_clock::now();
  LoadProgress progress{0, store.estimated_keys(), 0, false};
  const auto report_if_due = [&] {
    const auto now = std::chrono::steady_clock::now();
    if (now - reported < report_every) return;
    reported = now;
    on_progress(progress);
  };

  const auto last = store.last_sequence();
  if (!last) return last.error();
  // What the records know of must be in the journal. If it has lost its end, its positions would be given
  // again.
  Sequence newest = store.folded_to();

  const auto marks = store.load_owner_marks([&](const OwnerMark& mark) {
    newest = std::max(newest, mark.sequence);
    auto& owners = tables.of(mark.scope);
    owners.raise_mark(owners.find_or_add(mark.id), mark.sequence);
  });
  if (!marks) return marks.error();

  const auto keys = store.load_keys([&](Sequence created, const EventView& creation, Sequence revoked) {
    newest = std::max(newest, created);
    const Slot slot = tables.add_key(created, creation);
    if (revoked != 0) tables.revoke_key(slot, revoked);
    if (++progress.keys % 16384 == 0) report_if_due();
  });
  if (!keys) return keys.error();
  if (newest > *last) return errc::storage_corrupt;

  const auto changes = store.load_changes(
      [&](Sequence sequence, const EventView& event) { apply_change(tables, sequence, event); });
  if (!changes) return changes.error();

  bool whole = true;
  const auto tail = store.replay(store.folded_to() + 1, [&](const BatchView& batch) {
    whole = batch.for_each([&](Sequence sequence, const EventView& event) {
      // Creations and owners' marks are in the store's records as soon as they are in the journal.
      if (event.type == EventType::key_revoked) {
        const Slot slot = tables.keys.find_by_id(event[Field::key_id]);
        if (slot != no_slot) tables.revoke_key(slot, sequence);
      }
      if (++progress.replayed_events % 16384 == 0) report_if_due();
    });
    return whole;
  });
  if (!tail) return tail.error();
  if (!whole) return errc::storage_corrupt;
  progress.finished = true;
  on_progress(progress);
  return {};
}

}  // namespace revoked::engine
