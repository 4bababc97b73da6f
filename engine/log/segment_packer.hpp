#pragma once
// Packs a closed segment into another file: its opening and closing blocks unchanged, its batches in packed
// blocks between them. So the sums at its ends, and what is chained to them, do not change.

#include <cstdint>
#include <functional>
#include <string>

#include "engine/base/error.hpp"

namespace revoked::engine {

enum class Packing {
  done,
  no_smaller,  // it saves nothing, or a block cannot be packed
  given_up,    // `go_on` returned false
};

// Packs `from`, whose blocks end at `end`, into the new file `to`, syncs it, reads it again from the disk and
// compares every block. Unless done, `to` is removed. errc::storage_corrupt: `from` is damaged;
// storage_failed: `to` reads back differently; otherwise the system's error. `at`: the offset in `from`, or
// the size of `to`. `go_on` is called periodically and may block; false cancels.
result<Packing> pack_segment(const std::string& from, std::uint64_t end, const std::string& to,
                             const std::function<bool()>& go_on, std::uint64_t& at);

}  // namespace revoked::engine
