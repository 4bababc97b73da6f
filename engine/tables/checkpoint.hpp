#pragma once
// A copy of the tables in one file, so that a start reads them instead of rebuilding them key by key. It is
// optional: if it is missing, damaged, of another version or of another store, the tables are built from the
// store.
//
// It is written while the engine runs. Ids, digests and owners are those of one moment; mutable state (a
// key's state_word, an owner's mark, a lock) may be slightly newer. Replaying the journal from after
// `sequence` corrects that, as events are idempotent. Nothing in it is later than `newest`, which is durable
// before the file is renamed into place.
//
// File, little endian: a header, then blocks of 1 MiB, each followed by its SHA-256; the last one may be
// shorter. Blocks contain the keys' records (64 bytes each, padded to a whole block), then long ids, owners,
// marks of several owners together, locks, permission sets, the predecessors of rotated keys, the records of
// keys that were rotated meanwhile, as before the rotation, the filter of forgotten keys, and the epochs.
//
// While one is written, the caller must not remove keys from the tables or reuse records.

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/model/position.hpp"
#include "engine/tables/tables.hpp"

namespace revoked::engine {

struct CheckpointMark {
  Sequence sequence = 0;  // replay from after this
  // The store of this checkpoint, and no other, has a batch with `newest` that has this SHA-256.
  Sequence newest = 0;
  Digest newest_batch{};
};

// The extent of what is copied. Made by the holder of the turn.
struct TablesCut {
  Sequence sequence;
  std::uint64_t keys;
  std::array<std::uint64_t, 3> owners;
  std::uint64_t joints;  // combinations of owners
  std::uint64_t locks;
  std::uint64_t permission_sets;
  std::array<std::uint64_t, 4> arenas;  // bytes of the keys' and the owners' long ids
  std::uint64_t forgotten_layers;
};
TablesCut cut_tables(const Tables& tables, Sequence durable);

// Approximate size of the file in bytes.
std::uint64_t checkpoint_bytes(const TablesCut& cut);

struct CheckpointWriting {
  std::span<const EpochStart> epochs;  // all so far
  std::function<bool()> go_on;         // called periodically; false: errc::not_ready
  // Called after copying: waits until what was applied is durable, and returns up to where.
  std::function<result<Sequence>()> wait_for_newest;
  std::function<result<Digest>(Sequence)> digest_of_batch;  // with that event
};
// Writes a new file beside `path`, syncs it, and renames it to `path`.
result<CheckpointMark> write_checkpoint(const std::string& path, const Tables& tables, const TablesCut& cut,
                                        const CheckpointWriting& writing);

// errc::not_found: there is no file, or one of another version.
result<CheckpointMark> read_checkpoint_mark(const std::string& path);

// Loads into empty tables, on all cores; the epochs into `epochs`. errc::not_found, with nothing changed, if
// there is no file that `is_ours`, or it is damaged.
result<CheckpointMark> read_checkpoint(const std::string& path,
                                       const std::function<bool(const CheckpointMark&)>& is_ours,
                                       Tables& tables, std::vector<EpochStart>& epochs);

}  // namespace revoked::engine
