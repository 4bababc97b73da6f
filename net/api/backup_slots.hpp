#pragma once
// How many backups there may be at a time: each keeps a disk busy and a little memory
// (engine/log/backup.hpp).

#include <memory>
#include <semaphore>

namespace revoked::net {

inline constexpr std::ptrdiff_t max_backups = 2;
using BackupSlots = std::counting_semaphore<max_backups>;

struct GiveBack {
  void operator()(BackupSlots* slots) const { slots->release(); }
};
// Given back when it goes. Not longer than the slots.
using BackupSlot = std::unique_ptr<BackupSlots, GiveBack>;

// From any thread. Null: none is free.
inline BackupSlot take_slot(BackupSlots& slots) { return BackupSlot(slots.try_acquire() ? &slots : nullptr); }

}  // namespace revoked::net
