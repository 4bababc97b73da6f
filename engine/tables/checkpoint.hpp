#pragma once
// A copy of the tables in one file, so that a start reads them instead of building them key by key. Nothing
// depends on it: without one, with a damaged one, one of another version or another store's, the tables come
// from the store.
//
// It is made while the engine works. Ids, digests and owners are those of one moment; what may change (a
// key's fate, an owner's mark, a lock) may be from a little later. Replaying the journal from after
// `sequence` sets that right: every event may be applied again. Nothing in it is later than `newest`, which
// is durable before the file gets its name.
//
// File, little endian: a header, then blocks of 1 MiB, each with its SHA-256 behind it; the last one may be
// shorter. Blocks hold the keys' records (64 bytes each, padded to a whole block), then long ids, owners,
// marks of several owners together, locks, permission sets, the predecessors of rotated keys, the records of
// keys that were rotated meanwhile, as they were before, the filter of forgotten keys, and last the epochs.
//
// While one is made no key leaves the tables, and no record is used again: that is the caller's to see to.

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
  EpochStart epoch;       // that the sequence is of
  Sequence sequence = 0;  // replay from after this
  Sequence newest = 0;
};

// What there is to copy. Taken by whoever holds the turn.
struct TablesCut {
  Sequence sequence;
  std::uint64_t keys;
  std::array<std::uint64_t, 3> owners;
  std::uint64_t joints;  // owners together
  std::uint64_t locks;
  std::uint64_t permission_sets;
  std::array<std::uint64_t, 4> arenas;  // bytes of the keys' and the owners' long ids
  std::uint64_t forgotten_layers;
};
TablesCut cut_tables(const Tables& tables, Sequence durable);

// About how many bytes the file will have.
std::uint64_t checkpoint_bytes(const TablesCut& cut);

struct CheckpointWriting {
  std::span<const EpochStart> epochs;      // all so far
  std::function<bool()> go_on;             // asked now and then; false: errc::not_ready
  std::function<result<Sequence>()> seal;  // all is copied: waits until it is durable, answers up to where
};
// Writes beside `path`, syncs, and puts it in the place of what is there.
result<CheckpointMark> write_checkpoint(const std::string& path, const Tables& tables, const TablesCut& cut,
                                        const CheckpointWriting& writing);

// Into empty tables, with every core; the epochs into `epochs`. errc::not_found, and nothing has changed, if
// there is none that `is_ours`, or it is not whole.
result<CheckpointMark> read_checkpoint(const std::string& path,
                                       const std::function<bool(const CheckpointMark&)>& is_ours,
                                       Tables& tables, std::vector<EpochStart>& epochs);

}  // namespace revoked::engine
