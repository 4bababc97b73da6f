#pragma once
// Limits concurrent backups: each keeps a disk busy and takes a little memory (engine/log/backup.hpp).

#include <memory>
#include <semaphore>

namespace revoked::net {

inline constexpr std::ptrdiff_t max_backups = 2;
using BackupSlots = std::counting_semaphore<max_backups>;

struct GiveBack {
  void operator()(BackupSlots* slots) const { slots->release(); }
};
// Releases its slot on destruction. Must not outlive the slots.
using BackupSlot = std::unique_ptr<BackupSlots, GiveBack>;

// From any thread. Null: none is free.
inline BackupSlot take_slot(BackupSlots& slots) { return BackupSlot(slots.try_acquire() ? &slots : nullptr); }

}  // namespace revoked::net
