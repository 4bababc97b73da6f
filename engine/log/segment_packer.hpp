#pragma once
// Packs a closed segment into another file: what opens and what closes it as they are, its batches in packed
// blocks between them. So the sums at its ends, and all that is chained to them, stay as they were.

#include <cstdint>
#include <functional>
#include <string>

#include "engine/base/error.hpp"

namespace revoked::engine {

enum class Packing {
  done,
  no_smaller,  // it is not worth it, or has a block that cannot be packed
  given_up,    // as was asked for
};

// Packs `from`, whose blocks end at `end`, into `to`, which is made anew, synced, and read again from the
// disk: every block has come out as it was. Unless it is done, there is no `to`. errc::storage_corrupt:
// `from` is damaged; storage_failed: what was written is not what is read; else the system's error. `at`:
// where in `from`, or how large `to` is. `go_on` is asked now and then, and may take its time; false: it is
// given up.
result<Packing> pack_segment(const std::string& from, std::uint64_t end, const std::string& to,
                             const std::function<bool()>& go_on, std::uint64_t& at);

}  // namespace revoked::engine
